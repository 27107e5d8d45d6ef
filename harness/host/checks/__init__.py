"""Environment checks: may this machine be trusted to measure now, and what would make it steadier?

A module of this folder declares its checks in `PLUGINS`; other distributions add theirs by the entry-point group
`edgebench.checks` (docs/add-a-check.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.core import plugins
from harness.core.errors import describe_error
from harness.core.hostfs import HostFs
from harness.core.target import Target
from harness.core.verdict import Finding

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """A value to write into a kernel file. `harness.host.tuning` applies it and restores the old value afterwards.

    Attributes:
        name: Name of the file, such as '/sys/devices/system/cpu/smt/control'.
        value: Text to write.
    """

    name: str
    value: str


@dataclass(frozen=True)
class Check:
    """One question about the machine.

    Attributes:
        name: Name of the check, which its findings carry.
        inspect: Return what the machine shows now. A file that is absent gives the status 'unknown', not an error.
        tune: Return the changes that would make the machine steadier; None where nothing can be set and restored.
        inspect_target: The same as `inspect` for a board whose descriptor is known; None where it makes no difference.
    """

    name: str
    inspect: Callable[[HostFs], Finding]
    tune: Callable[[HostFs], Iterable[Change]] | None = None
    inspect_target: Callable[[HostFs, Target], Finding] | None = None


def registered() -> Mapping[str, Check]:
    """Return every usable check by name."""
    return plugins.load_all("checks")


def inspect_all(fs: HostFs, target: Target | None = None) -> list[Finding]:
    """Return one finding per check, sorted by name; a check that raises gives the status 'unknown' with its error.

    Args:
        fs: The machine.
        target: Its descriptor, where the board is known.
    """
    return [_inspect(name, check, fs, target) for name, check in registered().items()]


def changes(fs: HostFs) -> list[Change]:
    """Return every change that the checks would make; a check that raises makes none."""
    result: list[Change] = []
    for name, check in registered().items():
        # an entry point may be any object with `inspect`, such as a module
        tune: Callable[[HostFs], Iterable[Change]] | None = getattr(check, "tune", None)
        try:
            result.extend(tune(fs) if tune else ())
        except Exception as error:
            _log.warning("the check '%s' changes nothing: %s", name, describe_error(error))
            _log.debug("", exc_info=True)
    return result


def _inspect(name: str, check: Check, fs: HostFs, target: Target | None) -> Finding:
    # an entry point may be any object with `inspect`, such as a module
    inspect_target: Callable[[HostFs, Target], Finding] | None = getattr(check, "inspect_target", None)
    try:
        return inspect_target(fs, target) if inspect_target and target else check.inspect(fs)
    except Exception as error:  # a third-party check must not stop a run
        _log.debug("check %s raised", name, exc_info=True)
        return Finding(name, "unknown", f"the check itself failed: {type(error).__name__}: {error}")
