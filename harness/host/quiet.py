"""Wait until nothing else runs: tasks that wait for a CPU make a measurement contended."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

from .checks.system import inspect_load

_POLL_S = 2.0
"""As often as the kernel updates /proc/pressure."""


def wait_until_quiet(
    fs: HostFs,
    timeout_s: float,
    notify: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Finding:
    """Wait until the check 'load' finds nothing.

    Args:
        fs: The machine.
        timeout_s: Longest time to wait.
        notify: Called with what is waited for, if it is waited.
        sleep: Sleeps so many seconds.

    Returns:
        'ok' when the machine is quiet, 'warn' when it still is not, 'unknown' when its load cannot be read.
    """
    waited_s = 0.0
    while True:
        load = inspect_load(fs)
        if load.status == "unknown":
            return Finding("quiet", "unknown", load.found)
        found = f"{load.found}, after {waited_s:.0f} s"
        if load.status == "ok":
            return Finding("quiet", "ok", found)
        if waited_s >= timeout_s:
            return Finding("quiet", "warn", found, "stop other programs, or wait longer: --wait-for-quiet")
        if not waited_s:
            notify(f"waiting at most {timeout_s:g} s for a quiet machine: {load.found}")
        pause_s = min(_POLL_S, timeout_s - waited_s)
        sleep(pause_s)
        waited_s += pause_s
