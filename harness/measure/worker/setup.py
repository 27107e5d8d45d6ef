"""What binds the measured process to its machine: when it dies, and where it runs."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.runtimes.base import SessionError

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent ends: a killed run leaves no process that sleeps for ever on the board."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def die_first() -> None:
    """Where memory runs out after all, the kernel is to kill this process and not the harness or the desktop."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def pin(cpus: Sequence[int]) -> None:
    """Run on `cpus` alone (empty: anywhere), threads started later too; SessionError when the kernel does otherwise."""
    if not cpus:
        return
    with suppress(OSError):
        os.sched_setaffinity(0, cpus)
    if (given := os.sched_getaffinity(0)) != set(cpus):
        raise SessionError(
            f"could not be pinned to CPU {', '.join(map(str, cpus))}: the kernel gave {sorted(given)}",
            "the CPUs are offline or outside of this control group: see `affinity` in the target's descriptor",
        )
