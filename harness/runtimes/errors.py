"""From a library's exception to what a user can do about it.

What a C library prints to the process's standard output and error: some say there alone why they refuse a file.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence

from .base import SessionError

Hint = tuple[str, str]
"""A pattern found in a library's message (case does not matter), and the remedy it calls for."""
_LONGEST = 600
"""Characters of a library's message that are kept: some append whole stack traces."""


def explain_error(library: str, error: BaseException, hints: Sequence[Hint]) -> SessionError:
    """A SessionError with the library's own words and the remedy of the first hint that fits; one that is one stays."""
    if isinstance(error, SessionError):
        return error
    words = _plain(str(error)) or type(error).__name__
    remedy = next((advice for pattern, advice in hints if re.search(pattern, words, re.IGNORECASE)), "")
    return SessionError(f"{library} cannot run it: {words}", remedy)


def _plain(message: str) -> str:
    """One paragraph without line breaks, cut where it gets long."""
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


_STREAMS = (1, 2)


@contextlib.contextmanager
def capture_output() -> Iterator[Callable[[], str]]:
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
