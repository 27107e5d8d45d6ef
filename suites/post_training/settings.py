"""Which settings `--compress` asks for."""

from __future__ import annotations

from harness.core.errors import UsageError
from harness.core.plugins import load, load_all
from suites.compression.base import Compression

ALL = "all"
REFERENCE = "fp32"


def chosen(text: str) -> list[Compression]:
    """The settings of 'all', or of names joined by commas; fp32, which the others are compared with, comes first.

    UnknownName for a name that is none, UsageError for a setting that trains.
    """
    every: dict[str, Compression] = load_all("compression")
    free = {name: setting for name, setting in every.items() if not setting.needs_training}
    if text == ALL:
        return sorted(free.values(), key=lambda setting: setting.name != REFERENCE)
    names = [name for name in dict.fromkeys([REFERENCE, *map(str.strip, text.split(","))]) if name]
    for name in names:
        if load("compression", name).needs_training:
            raise UsageError(
                f"{name} trains the net, which a model file alone does not allow",
                f"--compress takes {ALL}, or some of {', '.join(free)}",
            )
    return [free[name] for name in names]
