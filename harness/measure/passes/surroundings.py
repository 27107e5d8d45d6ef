"""What the parent sees of the machine around a process: before it starts and after it has ended, never beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.host.cpu_time import OtherPrograms
from harness.host.machine_speed import UsualTime
from harness.measure.samples import UNWATCHED, MemoryReference, Surroundings

from .handover import handover_ns
from .memory_control import MemoryControl


@dataclass(frozen=True)
class SurroundingsWatch:
    """Looks at a machine around each process.

    Attributes:
        fs: The machine that inference runs on; None sees nothing of other programs.
        memory: The memory control; None leaves it out.
        usual_memory: What the memory control usually takes on this machine; None where that is not known.
    """

    fs: HostFs | None = None
    memory: MemoryControl | None = None
    usual_memory: UsualTime | None = None

    def begin(self, cpus: Sequence[int] = (), threads: int = 1) -> Callable[[], Surroundings]:
        """Look before a process of `threads` that compute on `cpus` starts; call the result once it has ended."""
        if self.fs is None and self.memory is None:
            return lambda: UNWATCHED
        handovers, memory_ns = self._handover_ns(cpus, threads), self._memory_ns(cpus)
        others = OtherPrograms(self.fs) if self.fs else None

        def end() -> Surroundings:
            company = others.cpus() if others else None
            memory = (*memory_ns, *self._memory_ns(cpus))
            return Surroundings(company, memory, (*handovers, *self._handover_ns(cpus, threads)))

        return end

    def _handover_ns(self, cpus: Sequence[int], threads: int) -> tuple[float, ...]:
        """Where threads wait for each other, and several processes are measured: as the memory control."""
        if self.memory is None or threads == 1 or (found := handover_ns(cpus)) is None:
            return ()
        return (found,)

    def _memory_ns(self, cpus: Sequence[int]) -> tuple[float, ...]:
        return () if self.memory is None else (self.memory.ns(cpus),)

    @property
    def memory_reference(self) -> MemoryReference | None:
        """What the memory control is compared with: the usual time of this machine, else that of this run."""
        if self.memory is None:
            return None
        time = self.usual_memory or UsualTime.of(self.memory.times_ns)
        return MemoryReference(time, self.usual_memory is not None, self.memory.cache_bytes)
