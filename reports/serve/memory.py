"""Memory that a server of months gives back to the system after a large page."""

from __future__ import annotations

import ctypes
import gc


def give_back() -> None:
    """Return freed memory to the system; the C library would keep it for each of the server's threads."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)
