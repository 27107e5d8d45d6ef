"""What every measured process may have of this machine: time, memory and CPUs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.core.target import Target

from . import memory, resource_limits


@dataclass(frozen=True)
class Room:
    """Seconds until a process is stopped, bytes it may hold (None: no limit known), and CPUs, the best to pin to first.

    A case gets as many of the `cpus` as it has threads in all its streams; with none it runs where the system likes.
    """

    timeout_s: float
    memory_bytes: int | None = None
    cpus: tuple[int, ...] = ()

    @classmethod
    def on(cls, target: Target, timeout_s: float | None = None, memory_bytes: int | None = None) -> Room:
        """The target's, on this very machine; `timeout_s` and `memory_bytes` go before what its descriptor says."""
        here = HostFs()
        return cls(
            timeout_s or target.limits.timeout_s,
            memory.process_limit_bytes(memory_bytes or target.memory_limit_bytes, here),
            resource_limits.in_order(os.sched_getaffinity(0), target.affinity, here),
        )
