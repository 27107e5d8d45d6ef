"""What the parent sees of the machine around a process: before it starts and after it has ended, never beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.host.cpu_time import OtherPrograms
from harness.measure.samples import UNWATCHED, MemoryReference, Surroundings

from .memory_control import MemoryControl


@dataclass(frozen=True)
class SurroundingsWatch:
    """Looks at a machine around each process.

    Attributes:
        fs: The machine that inference runs on; None sees nothing of other programs.
        memory: The memory control; None leaves it out.
        usual_memory_ns: What the memory control usually takes on this machine; None where that is not known.
    """

    fs: HostFs | None = None
    memory: MemoryControl | None = None
    usual_memory_ns: float | None = None

    def begin(self, cpus: Sequence[int] = ()) -> Callable[[], Surroundings]:
        """Look before a process on `cpus` starts; call the result once it has ended."""
        if self.fs is None and self.memory is None:
            return lambda: UNWATCHED
        memory_ns = self._memory_ns(cpus)
        others = OtherPrograms(self.fs) if self.fs else None

        def end() -> Surroundings:
            company = others.cpus() if others else None
            return Surroundings(company, (*memory_ns, *self._memory_ns(cpus)))

        return end

    def _memory_ns(self, cpus: Sequence[int]) -> tuple[float, ...]:
        return () if self.memory is None else (self.memory.ns(cpus),)

    @property
    def memory_reference(self) -> MemoryReference | None:
        """What the memory control is compared with: the usual time, else the least of this run."""
        if self.memory is None or self.memory.least_ns is None:
            return None
        usual = self.usual_memory_ns is not None
        reference_ns = self.usual_memory_ns if self.usual_memory_ns is not None else self.memory.least_ns
        return MemoryReference(reference_ns, usual, self.memory.cache_bytes)
