"""Find plug-ins: built-in ones by scanning the folder of their group, those of other distributions by entry point.

A module (or package) in the folder of a group declares its plug-ins in `PLUGINS`, a tuple of objects that have a
`name`; a module without `PLUGINS` is not a plug-in. Another distribution declares an entry point of the group
`edgebench.<group>`, whose name is the plug-in's and whose value is the object.

A plug-in that cannot be used is left out, with a warning that names it, its origin and the reason; it is an error only
if it is requested by name. A built-in plug-in takes precedence over one of another distribution. A name that two other
distributions claim is left out.
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Literal

from .errors import SetupError, UnknownName, describe_error

_log = logging.getLogger(__name__)

Group = Literal["runtimes", "sensors", "checks", "models", "compression", "tasks", "sections", "exports"]

DISTRIBUTION = "edgebench"


@dataclass(frozen=True)
class Kind:
    """The requirements on the plug-ins of a group.

    Attributes:
        noun: Name of such a plug-in in messages.
        package: Package whose modules are scanned for built-in plug-ins.
        members: Required attributes.

    """

    noun: str
    package: str
    members: tuple[str, ...]


GROUPS: Mapping[Group, Kind] = MappingProxyType(
    {
        "runtimes": Kind("runtime", "harness.runtimes", ("name", "capability", "open")),
        "sensors": Kind("sensor", "harness.sensors.drivers", ("__call__",)),
        "checks": Kind("check", "harness.host.checks", ("inspect",)),
        "models": Kind("model family", "suites.models", ("name", "net")),
        "compression": Kind("compression setting", "suites.compression", ("name", "formats", "build")),
        "tasks": Kind(
            "task", "suites.tasks", ("name", "quality", "open", "encode", "decode", "judge", "score", "compare")
        ),
        "sections": Kind("report section", "reports.sections", ("name", "title", "order", "render")),
        "exports": Kind("export format", "harness.store.exports", ("name", "render")),
    }
)


@dataclass(frozen=True)
class _Plugin:
    """A plug-in, not necessarily imported.

    Attributes:
        name: Its name.
        reference: 'module:attribute', or 'module:name' for an element of the module's `PLUGINS`.
        origin: Where it comes from, for messages.
        get: Return the object; raise whatever its import raises.

    """

    name: str
    reference: str
    origin: str
    get: Callable[[], Any]


class _Unusable(Exception):
    """An object that is not a plug-in of its group."""


def load(group: Group, name: str) -> Any:
    """Return the plug-in called `name`, without importing others if the name of its file starts with it.

    Raises:
        UnknownName: The name is not registered.
        SetupError: The plug-in cannot be imported or used.

    """
    return _registry(group).load(name)


def load_all(group: Group) -> dict[str, Any]:
    """Return every usable plug-in of the group by name; the others are left out with a warning."""
    return dict(_registry(group).usable)


def reference(group: Group, name: str) -> str:
    """Return 'module:name' of a plug-in, for another process to import; raises as `load` does."""
    return _registry(group).find(name).reference


def problems() -> list[str]:
    """Return the warnings of this process about plug-ins that were left out."""
    return [text for group in GROUPS for text in _registry(group).warned.values()]


def outside_packages() -> dict[str, str]:
    """Return the top-level packages of the scanned plug-ins of other distributions, each with its origin."""
    plugins = [plugin for group in GROUPS for plugin in _registry(group).outside_seen]
    return {plugin.reference.partition(":")[0].partition(".")[0]: plugin.origin for plugin in plugins}


@cache
def _registry(group: Group) -> _Registry:
    return _Registry(group, GROUPS[group])


@dataclass
class _Registry:
    """The plug-ins of one group; finds, imports and warns once per process."""

    group: Group
    kind: Kind
    warned: dict[str, str] = field(default_factory=dict)
    outside_seen: list[_Plugin] = field(default_factory=list)
    _modules: dict[str, dict[str, _Plugin]] = field(default_factory=dict)
    _broken: list[str] = field(default_factory=list)
    _clashes: dict[str, str] = field(default_factory=dict)
    _loaded: dict[tuple[str, str], Any] = field(default_factory=dict)

    def load(self, name: str) -> Any:
        plugin = self.find(name)
        try:
            return self._object(plugin)
        except _Unusable as error:
            raise SetupError(f"the {self.kind.noun} '{name}' cannot be used: {error}", self._remedy(plugin)) from error

    def find(self, name: str) -> _Plugin:
        """Return the entry of a plug-in, scanning first the modules whose name matches its own."""
        for module in self._likely_modules(name):
            if name in (declared := self._scanned(module)):
                return declared[name]
        if name in self._all:
            return self._all[name]
        if name in self._clashes:
            raise SetupError(self._clashes[name], "uninstall one of the packages")
        if self._broken:
            broken = "; ".join(self._broken)
            raise SetupError(f"the {self.kind.noun} '{name}' was not found, and {broken}", _INSTALL_AGAIN)
        raise UnknownName(self.kind.noun, name, self._all)

    @cached_property
    def usable(self) -> dict[str, Any]:
        """Every plug-in that can be imported, by name."""
        usable = {}
        for name, plugin in self._all.items():
            try:
                usable[name] = self._object(plugin)
            except _Unusable as error:
                self._warn(name, f"the {self.kind.noun} '{name}' is left out: {error}")
        return usable

    def _object(self, plugin: _Plugin) -> Any:
        """Import a plug-in once; _Unusable, with its origin and the cause, if that fails."""
        key = plugin.name, plugin.reference
        if key not in self._loaded:
            try:
                self._loaded[key] = self._checked(plugin.name, plugin.get())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever another distribution raises, even SystemExit, must not end a run
                _log.debug("%s", plugin.reference, exc_info=True)
                cause = str(error) if isinstance(error, _Unusable) else describe_error(error)
                self._loaded[key] = _Unusable(f"{plugin.origin} ({plugin.reference}): {cause}")
        loaded = self._loaded[key]
        if isinstance(loaded, _Unusable):
            raise loaded
        return loaded

    def _checked(self, name: str, plugin: Any) -> Any:
        """Return the object if it meets the requirements of the group."""
        noun = self.kind.noun
        if isinstance(plugin, type) and "__call__" not in self.kind.members:
            raise _Unusable(f"{plugin.__qualname__} is a class, but a {noun} must be an instance")
        if missing := [member for member in self.kind.members if not hasattr(plugin, member)]:
            raise _Unusable(f"{plugin!r} is not a {noun}: it has no {', '.join(missing)}")
        declared = getattr(plugin, "name", name)
        if isinstance(declared, str) and declared != name:
            raise _Unusable(f"it is registered as '{name}', but its name is '{declared}'")
        return plugin

    @cached_property
    def _all(self) -> dict[str, _Plugin]:
        """All plug-ins by name; those of other distributions are not imported yet."""
        plugins: dict[str, _Plugin] = {}
        for module in self._names:
            for name, plugin in self._scanned(module).items():
                first = plugins.setdefault(name, plugin)
                if first is not plugin:
                    self._warn(plugin.reference, f"{self._taken(plugin)} by {first.origin}")
        claimed: dict[str, list[_Plugin]] = {}
        for plugin in self._outside():
            self.outside_seen.append(plugin)
            claimed.setdefault(plugin.name, []).append(plugin)
        for name, claims in claimed.items():
            if name in plugins:
                for plugin in claims:
                    self._warn(plugin.reference, f"{self._taken(plugin)} by {plugins[name].origin}")
            elif len(claims) > 1:
                claimants = " and ".join(sorted(f"{plugin.origin} ({plugin.reference})" for plugin in claims))
                self._clashes[name] = f"the {self.kind.noun} '{name}' is left out: {claimants} claim its name"
                self._warn(name, self._clashes[name])
            else:
                plugins[name] = claims[0]
        return dict(sorted(plugins.items()))

    def _taken(self, plugin: _Plugin) -> str:
        return (
            f"the {self.kind.noun} '{plugin.name}' of {plugin.origin} ({plugin.reference}) is left out: "
            "its name is taken"
        )

    def _outside(self) -> Iterator[_Plugin]:
        """Yield the plug-ins of other distributions, each entry point once, without importing them."""
        group = f"{DISTRIBUTION}.{self.group}"
        try:
            points = {(point.name, point.value): point for point in entry_points(group=group)}
        except Exception as error:  # one damaged entry_points.txt makes all of them unreadable
            self._warn(group, f"plug-ins of other packages are left out: the entry points are damaged: {error}")
            return
        for point in points.values():
            if (
                point.dist is None or point.dist.name != DISTRIBUTION
            ):  # skip those of an older installation of this project
                yield _of_entry_point(point)

    @cached_property
    def _names(self) -> list[str]:
        """Names of the modules and packages in the group's folder."""
        try:
            package = import_module(self.kind.package)
        except Exception as error:
            raise SetupError(
                f"{self.kind.package} cannot be imported: {describe_error(error)}", _INSTALL_AGAIN
            ) from error
        return sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))

    def _likely_modules(self, name: str) -> list[str]:
        """Return the modules whose name is that of the plug-in or a prefix of it, the longest first."""
        stem = f"{name.replace('-', '_')}_"
        return sorted((module for module in self._names if stem.startswith(f"{module}_")), key=len, reverse=True)

    def _scanned(self, name: str) -> dict[str, _Plugin]:
        """Return what a module of the folder declares; nothing, with a warning, if it cannot be imported."""
        module = f"{self.kind.package}.{name}"
        if module not in self._modules:
            try:
                self._modules[module] = dict(self._declared(module))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                _log.debug("%s", module, exc_info=True)
                self._modules[module] = {}
                self._broken.append(f"{module} cannot be imported: {describe_error(error)}")
                self._warn(module, f"built-in plug-ins are left out: {self._broken[-1]}")
        return self._modules[module]

    def _declared(self, module: str) -> Iterator[tuple[str, _Plugin]]:
        loaded = import_module(module)
        declared = {plugin.name: plugin for plugin in getattr(loaded, "PLUGINS", ())}
        for name, plugin in declared.items():
            yield name, _Plugin(name, f"{module}:{name}", f"{DISTRIBUTION} itself", partial(_identity, plugin))

    def _remedy(self, plugin: _Plugin) -> str:
        return f"repair or uninstall {plugin.origin}" if plugin in self.outside_seen else _INSTALL_AGAIN

    def _warn(self, key: str, text: str) -> None:
        if key not in self.warned:
            self.warned[key] = text
            _log.warning("%s", text)


_INSTALL_AGAIN = f"install {DISTRIBUTION} again: pip install --force-reinstall {DISTRIBUTION}"


def _identity(plugin: Any) -> Any:
    return plugin


def _of_entry_point(point: EntryPoint) -> _Plugin:
    def get() -> Any:
        if not EntryPoint.pattern.match(point.value):
            raise ValueError(f"'{point.value}' is not 'module:attribute'")
        with contextlib.redirect_stdout(sys.stderr):  # its output must not mix with the JSON of a command
            return point.load()

    origin = f"package {point.dist.name} {point.dist.version}" if point.dist else "a package without metadata"
    return _Plugin(point.name, point.value.replace(" ", ""), origin, get)
