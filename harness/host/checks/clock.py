"""The wall clock: dates of runs are labels, but a wrong one misleads who reads them, and `--since` and `--release`.

Many boards have no battery for it: they start in 1970, or where they were switched off, until a server told the time.
"""

from __future__ import annotations

import ctypes
import os

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding

from . import Check

_KERNEL = "/cmd/adjtimex/status"
"""Name of the kernel's answer in a recording, which holds the status as a decimal number."""

_SET_BY_SYSTEMD = "/run/systemd/timesync/synchronized"
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of <sys/timex.h>


class _Timex(ctypes.Structure):
    """The head of `struct timex`, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def inspect_clock(fs: HostFs) -> Finding:
    """Warn while nothing keeps the wall clock right; what the kernel does not tell is unknown."""
    status = _kernel_status(fs)
    if isinstance(status, int) and not status & _UNSYNCHRONISED:
        return Finding("clock", "ok", "synchronised")
    if fs.exists(_SET_BY_SYSTEMD):
        return Finding("clock", "ok", "set by systemd-timesyncd since the system started")
    if isinstance(status, Missing):
        return Finding("clock", "unknown", f"whether it is synchronised: {status.reason}")
    return Finding(
        "clock",
        "warn",
        "not synchronised: dates of runs may be wrong",
        "start a time service, such as: sudo timedatectl set-ntp true",
    )


def _kernel_status(fs: HostFs) -> int | Missing:
    """Return the status word of the kernel's clock, which every time service keeps."""
    if not fs.live:
        return fs.read_int(_KERNEL)
    buffer = _Timex()  # modes 0: only read
    try:
        failed = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(buffer)) < 0
    except (OSError, AttributeError) as error:  # a C library without it
        return Missing(f"adjtimex: {error}")
    status = Missing(f"adjtimex: {os.strerror(ctypes.get_errno())}") if failed else int(buffer.status)
    fs.on_read(_KERNEL, status if isinstance(status, Missing) else str(status).encode())
    return status


PLUGINS: tuple[Check, ...] = (Check("clock", inspect_clock),)
