"""Explain a library's errors: its exception, or what it printed, as a SessionError with a remedy.

Some C libraries print why they refuse a file to standard output or error, and nowhere else.
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
"""A pattern found in a library's message (case does not matter), and the remedy it calls for.

The remedy may name what the pattern's groups found, as \\1, \\2.
"""
_LONGEST = 600
"""Characters of a library's message that are kept: some append whole stack traces."""


def explain_error(library: str, error: BaseException, hints: Sequence[Hint]) -> SessionError:
    """Return a SessionError with the library's own message and the remedy of the first hint that matches it.

    A SessionError is returned as it is.
    """
    if isinstance(error, SessionError):
        return error
    words = " ".join(str(error).split()) or type(error).__name__
    found = ((re.search(pattern, words, re.IGNORECASE), advice) for pattern, advice in hints)
    remedy = next((match.expand(advice) for match, advice in found if match), "")
    return SessionError(f"{library} cannot run it: {_cut(words)}", remedy)


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."


_STREAMS = (1, 2)


@contextlib.contextmanager
def capture_output() -> Iterator[Callable[[], str]]:
    """Keep both output streams from the terminal; the yielded function returns what was printed so far.

    It redirects the streams of the whole process: not for use while other threads print.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        originals = [os.dup(stream) for stream in _STREAMS]
        try:
            for stream in _STREAMS:
                os.dup2(sink.fileno(), stream)
            yield lambda: _printed(sink.fileno())
        finally:
            _flush()
            for stream, copy in zip(_STREAMS, originals, strict=True):
                os.dup2(copy, stream)
                os.close(copy)


def _printed(descriptor: int) -> str:
    _flush()
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")


def _flush() -> None:
    """Write out what C's stdio still buffers."""
    ctypes.CDLL(None).fflush(None)
