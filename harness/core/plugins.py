"""Find plug-ins: built-in ones by scanning the folder of their group, those of other distributions by entry point.

A module (or package) in the folder of a group declares its plug-ins in `PLUGINS`, a tuple of objects that carry their
own `name`; a module without `PLUGINS` is no plug-in. Another distribution declares an entry point of the group
`edgebench.<group>`, whose name is the plug-in's and whose value is the object.

A plug-in that cannot be used costs itself alone: it is left out with one warning that names it, its origin and the
reason, and is an error only when it is asked for by name. A built-in plug-in keeps its name against one of another
distribution; where two other distributions claim one name, neither gets it.
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

Group = Literal["runtimes", "sensors", "checks", "models", "compression", "sections", "exports"]

DISTRIBUTION = "edgebench"


@dataclass(frozen=True)
class Kind:
    """What the plug-ins of a group are.

    Attributes:
        noun: What one of them is called in messages.
        package: The package whose modules are scanned for built-in ones.
        members: Attributes that every one of them has.

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
        "sections": Kind("report section", "reports.sections", ("name", "title", "order", "render")),
        "exports": Kind("export format", "harness.store.exports", ("name", "render")),
    }
)


@dataclass(frozen=True)
class _Plugin:
    """A plug-in that was found.

    Attributes:
        name: The name it is asked for by.
        reference: 'module:attribute', or 'module:name' for an element of the module's `PLUGINS`.
        origin: Where it comes from, in words.
        get: Return the object; raise whatever its import raises.

    """

    name: str
    reference: str
    origin: str
    get: Callable[[], Any]


class _Unusable(Exception):
    """An object that is not a plug-in of its group."""


def load(group: Group, name: str) -> Any:
    """Return the plug-in called `name`, importing no other where the name of its file tells it.

    Raises:
        UnknownName: Nothing is registered under the name.
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
    """Return the top-level packages of other distributions' plug-ins that were looked at, each with its origin."""
    found = [plugin for group in GROUPS for plugin in _registry(group).outside_seen]
    return {plugin.reference.partition(":")[0].partition(".")[0]: plugin.origin for plugin in found}


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
        """Return where the plug-in is, looking first into the module that its name tells."""
        for module in self._hinted(name):
            if name in (found := self._scanned(module)):
                return found[name]
        if name in self._every:
            return self._every[name]
        if name in self._clashes:
            raise SetupError(self._clashes[name], "uninstall one of the packages")
        if self._broken:
            broken = "; ".join(self._broken)
            raise SetupError(f"the {self.kind.noun} '{name}' was not found, and {broken}", _INSTALL_AGAIN)
        raise UnknownName(self.kind.noun, name, self._every)

    @cached_property
    def usable(self) -> dict[str, Any]:
        """Every plug-in that can be imported, by name."""
        found = {}
        for name, plugin in self._every.items():
            try:
                found[name] = self._object(plugin)
            except _Unusable as error:
                self._warn(name, f"the {self.kind.noun} '{name}' is left out: {error}")
        return found

    def _object(self, plugin: _Plugin) -> Any:
        """Import it once; _Unusable, with where it comes from and what happened, when that fails."""
        key = plugin.name, plugin.reference
        if key not in self._loaded:
            try:
                self._loaded[key] = self._checked(plugin.name, plugin.get())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # what another distribution raises, SystemExit too, must not end a run
                _log.debug("%s", plugin.reference, exc_info=True)
                why = str(error) if isinstance(error, _Unusable) else describe_error(error)
                self._loaded[key] = _Unusable(f"{plugin.origin} ({plugin.reference}): {why}")
        found = self._loaded[key]
        if isinstance(found, _Unusable):
            raise found
        return found

    def _checked(self, name: str, plugin: Any) -> Any:
        """Return the object if it is what the group holds."""
        noun = self.kind.noun
        if isinstance(plugin, type) and "__call__" not in self.kind.members:
            raise _Unusable(f"{plugin.__qualname__} is a class, and a {noun} is an instance")
        if lacking := [member for member in self.kind.members if not hasattr(plugin, member)]:
            raise _Unusable(f"{plugin!r} is no {noun}: it has no {', '.join(lacking)}")
        own = getattr(plugin, "name", name)
        if isinstance(own, str) and own != name:
            raise _Unusable(f"it is registered as '{name}' and calls itself '{own}'")
        return plugin

    @cached_property
    def _every(self) -> dict[str, _Plugin]:
        """Every plug-in by name, those of other distributions not imported yet."""
        found: dict[str, _Plugin] = {}
        for module in self._names:
            for name, plugin in self._scanned(module).items():
                first = found.setdefault(name, plugin)
                if first is not plugin:
                    self._warn(plugin.reference, f"{self._taken(plugin)} by {first.origin}")
        claimed: dict[str, list[_Plugin]] = {}
        for plugin in self._outside():
            self.outside_seen.append(plugin)
            claimed.setdefault(plugin.name, []).append(plugin)
        for name, plugins in claimed.items():
            if name in found:
                for plugin in plugins:
                    self._warn(plugin.reference, f"{self._taken(plugin)} by {found[name].origin}")
            elif len(plugins) > 1:
                claims = " and ".join(sorted(f"{plugin.origin} ({plugin.reference})" for plugin in plugins))
                self._clashes[name] = f"the {self.kind.noun} '{name}' is left out: {claims} claim its name"
                self._warn(name, self._clashes[name])
            else:
                found[name] = plugins[0]
        return dict(sorted(found.items()))

    def _taken(self, plugin: _Plugin) -> str:
        return (
            f"the {self.kind.noun} '{plugin.name}' of {plugin.origin} ({plugin.reference}) is left out: "
            "its name is taken"
        )

    def _outside(self) -> Iterator[_Plugin]:
        """The plug-ins of other distributions, each entry point once; none is imported here."""
        group = f"{DISTRIBUTION}.{self.group}"
        try:
            points = {(point.name, point.value): point for point in entry_points(group=group)}
        except Exception as error:  # one damaged entry_points.txt makes all unreadable
            self._warn(group, f"no plug-in of another package is used: their entry points are damaged: {error}")
            return
        for point in points.values():
            if point.dist is None or point.dist.name != DISTRIBUTION:  # ours are those of an older installation
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
        return sorted(one.name for one in pkgutil.iter_modules(package.__path__) if not one.name.startswith("_"))

    def _hinted(self, name: str) -> list[str]:
        """Modules whose name is that of the plug-in or the beginning of it, the longest first."""
        stem = f"{name.replace('-', '_')}_"
        return sorted((one for one in self._names if stem.startswith(f"{one}_")), key=len, reverse=True)

    def _scanned(self, name: str) -> dict[str, _Plugin]:
        """What a module of the folder declares; nothing, with a warning, when it cannot be imported."""
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
        found = {plugin.name: plugin for plugin in getattr(loaded, "PLUGINS", ())}
        for own, plugin in found.items():
            yield own, _Plugin(own, f"{module}:{own}", f"{DISTRIBUTION} itself", partial(_itself, plugin))

    def _remedy(self, plugin: _Plugin) -> str:
        return f"repair or uninstall {plugin.origin}" if plugin in self.outside_seen else _INSTALL_AGAIN

    def _warn(self, key: str, text: str) -> None:
        if key not in self.warned:
            self.warned[key] = text
            _log.warning("%s", text)


_INSTALL_AGAIN = f"install {DISTRIBUTION} again: pip install --force-reinstall {DISTRIBUTION}"


def _itself(plugin: Any) -> Any:
    return plugin


def _of_entry_point(point: EntryPoint) -> _Plugin:
    def get() -> Any:
        if not EntryPoint.pattern.match(point.value):
            raise ValueError(f"'{point.value}' is not 'module:attribute'")
        with contextlib.redirect_stdout(sys.stderr):  # what it prints must not stand in a command's JSON
            return point.load()

    origin = f"package {point.dist.name} {point.dist.version}" if point.dist else "a package without metadata"
    return _Plugin(point.name, point.value.replace(" ", ""), origin, get)
