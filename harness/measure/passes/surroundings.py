"""What the parent sees of the machine around a process: before it starts and after it has ended, never beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.host.cpu_time import OtherPrograms
from harness.measure.samples import UNWATCHED, Surroundings


@dataclass(frozen=True)
class SurroundingsWatch:
    """Looks at the machine that inference runs on around each process; without one (None) it sees nothing."""

    fs: HostFs | None = None

    def begin(self) -> Callable[[], Surroundings]:
        """Look before a process starts; call the result once it has ended."""
        if self.fs is None:
            return lambda: UNWATCHED
        others = OtherPrograms(self.fs)
        return lambda: Surroundings(others_cpus=others.cpus())
