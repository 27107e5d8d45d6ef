"""The memory control: a fixed stream from memory, whose time shows whether others use its bandwidth and the cache.

The control kernel of the worker (`harness.measure.worker.control`) is integer arithmetic and follows the core's clock
alone. This one runs in the parent, before a process starts and after it has ended, since its array would count as the
process's memory and would drive the model out of the caches.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
from numpy.typing import NDArray

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host import hardware
from harness.host.roofline import array_bytes, last_level_cache_bytes

REPEATS = 9
"""The median of so many counts: the least would say how fast the memory is where others leave gaps."""


class MemoryControl:
    """Copies one half of an array onto the other, which is well above the last-level cache.

    Attributes:
        cache_bytes: Size of the last-level cache, None where the kernel does not tell.
        times_ns: What it took so far, time after time.
    """

    def __init__(self, fs: HostFs, clock: Callable[[], int] = time.thread_time_ns) -> None:
        cache, memory = last_level_cache_bytes(fs), hardware.memory_bytes(fs)
        self.cache_bytes = None if isinstance(cache, Missing) else cache
        self.times_ns: list[float] = []
        self._bytes = array_bytes(cache, None if isinstance(memory, Missing) else memory)
        self._array: NDArray[np.uint8] | None = None
        self._clock = clock

    def ns(self, cpus: Sequence[int] = ()) -> float:
        """Return the nanoseconds of one copy: CPU time, so that waiting for a core is none, on the first of `cpus`."""
        if self._array is None:
            self._array = np.ones(self._bytes, np.uint8)
        with _on(cpus[:1]):
            found = float(np.median([self._copy(self._array) for _ in range(1 + REPEATS)][1:]))
        self.times_ns.append(found)
        return found

    def _copy(self, array: NDArray[np.uint8]) -> int:
        half = len(array) // 2
        before = self._clock()
        np.copyto(array[:half], array[half : 2 * half])
        return self._clock() - before


@contextmanager
def _on(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this thread on `cpus` within the block: cores of two kinds reach memory at two speeds."""
    before = os.sched_getaffinity(0)
    with suppress(OSError):
        if cpus:
            os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)
