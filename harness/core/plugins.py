"""Plug-ins by entry point: built-ins and third parties register in the same groups of `edgebench.*`."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from .errors import SetupError, UnknownName

Group = Literal["runtimes", "sensors", "checks", "models", "compression", "sections"]


@cache
def registered(group: Group) -> dict[str, EntryPoint]:
    """Entry points of `edgebench.<group>` by name, nothing imported. Two plug-ins of one name are a SetupError."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"edgebench.{group}"):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise SetupError(
                f"two plug-ins of group 'edgebench.{group}' are called '{point.name}': {other.value} and {point.value}",
                "uninstall one of the two packages",
            )
    if not found:
        raise SetupError(f"no plug-in of group 'edgebench.{group}' is registered", "install again: pip install .")
    return dict(sorted(found.items()))


def load(group: Group, name: str) -> Any:
    """The plug-in object called `name`; UnknownName with the nearest name, SetupError when its import fails."""
    points = registered(group)
    if name not in points:
        raise UnknownName(group.rstrip("s"), name, points)
    try:
        return points[name].load()
    except Exception as error:
        raise SetupError(f"plug-in {points[name].value} of group 'edgebench.{group}' does not load: {error}") from error


def load_all(group: Group) -> dict[str, Any]:
    """Every plug-in of the group by name."""
    return {name: load(group, name) for name in registered(group)}
