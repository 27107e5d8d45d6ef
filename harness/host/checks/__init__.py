"""May this machine be trusted now? One module a knob, found in this folder, or by entry point `edgebench.checks`.

A check is a module with `inspect(fs) -> Finding`, which never raises for an absent file, and, where the knob can be
turned and turned back, `tune(fs) -> Iterable[Change]`: what to write (see `harness.host.tuning`, which also undoes it).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.core import plugins
from harness.core.errors import in_words
from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """Write `value` into the kernel file `name`; what stood there is put back afterwards."""

    name: str
    value: str


class Check(Protocol):
    """One knob. Modules are checks: `inspect` is their function."""

    def inspect(self, fs: HostFs) -> Finding:
        """What the machine shows now."""
        ...


def registered() -> Mapping[str, Check]:
    """Every check by name."""
    return plugins.load_all("checks")


def inspect_all(fs: HostFs) -> list[Finding]:
    """One finding a check, in the order of their names; a check that fails itself is 'unknown', with its error."""
    return [_inspect(name, check, fs) for name, check in registered().items()]


def changes(fs: HostFs) -> list[Change]:
    """Everything the checks would write to make this machine steadier."""
    wanted: list[Change] = []
    for name, check in registered().items():
        tune: Callable[[HostFs], Iterable[Change]] | None = getattr(check, "tune", None)
        try:
            wanted.extend(tune(fs) if tune else ())
        except Exception as error:
            _log.warning("the check '%s' plans no change: %s", name, in_words(error))
            _log.debug("", exc_info=True)
    return wanted


def _inspect(name: str, check: Check, fs: HostFs) -> Finding:
    try:
        return check.inspect(fs)
    except Exception as error:  # a third party's check must not stop a run
        _log.debug("check %s fails", name, exc_info=True)
        return Finding(name, "unknown", f"the check itself failed: {type(error).__name__}: {error}")
