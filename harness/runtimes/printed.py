"""What a C library prints to the process's standard output and error: some say there alone why they refuse a file."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

_STREAMS = (1, 2)


@contextlib.contextmanager
def printed() -> Iterator[Callable[[], str]]:
    """Keep both streams from the terminal; what is given tells, within the block, what was printed so far.

    For the process as a whole: not while other threads print.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        kept = [os.dup(stream) for stream in _STREAMS]
        try:
            for stream in _STREAMS:
                os.dup2(sink.fileno(), stream)
            yield lambda: _told(sink.fileno())
        finally:
            _flush()
            for stream, copy in zip(_STREAMS, kept, strict=True):
                os.dup2(copy, stream)
                os.close(copy)


def _told(descriptor: int) -> str:
    _flush()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")


def _flush() -> None:
    """What C's stdio has not written yet."""
    ctypes.CDLL(None).fflush(None)
