"""Checks: may this machine be trusted to measure now? Found in this folder, or by entry point `edgebench.checks`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.core import plugins
from harness.core.errors import describe_error
from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """Write `value` into the kernel file `name`; what stood there is put back afterwards."""

    name: str
    value: str


@dataclass(frozen=True)
class Check:
    """One thing about the machine that a measurement depends on.

    Attributes:
        name: The name that findings carry.
        inspect: Returns the finding; never raises for an absent file.
        tune: Returns what to write to make the machine steadier; `harness.host.tuning` writes it and restores it.
    """

    name: str
    inspect: Callable[[HostFs], Finding]
    tune: Callable[[HostFs], Iterable[Change]] | None = None


def registered() -> Mapping[str, Check]:
    """Return every check by name."""
    return plugins.load_all("checks")


def inspect_all(fs: HostFs) -> list[Finding]:
    """Return one finding per check, ordered by name; a check that fails itself is 'unknown', with its error."""
    return [_inspect(name, check, fs) for name, check in registered().items()]


def changes(fs: HostFs) -> list[Change]:
    """Return everything the checks would write to make this machine steadier."""
    wanted: list[Change] = []
    for name, check in registered().items():
        tune: Callable[[HostFs], Iterable[Change]] | None = getattr(check, "tune", None)
        try:
            wanted.extend(tune(fs) if tune else ())
        except Exception as error:
            _log.warning("the check '%s' plans no change: %s", name, describe_error(error))
            _log.debug("", exc_info=True)
    return wanted


def _inspect(name: str, check: Check, fs: HostFs) -> Finding:
    try:
        return check.inspect(fs)
    except Exception as error:  # a third party's check must not stop a run
        _log.debug("check %s fails", name, exc_info=True)
        return Finding(name, "unknown", f"the check itself failed: {type(error).__name__}: {error}")
