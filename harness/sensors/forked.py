"""Work in a process of its own, split off without starting a new Python: for boards with a single core.

On one core a thread of the parent and the parent's own work take turns under Python's lock, and a thread that has the
lock is not asked to give it up for five milliseconds. A forked process has a lock of its own, shares the open files and
all memory it does not write to, and is the scheduler's to place.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

Wait = Callable[[float], bool]
"""Wait so many seconds; True as soon as the work is to end."""


class Forked:
    """Runs `work(wait)` in a forked process at once; `stop` ends it and gives what it returned, by way of JSON.

    The process ends with the parent too, however that ends: then the pipe it waits on is closed.
    """

    def __init__(self, work: Callable[[Wait], Any]) -> None:
        stop_read, self._stop = os.pipe()
        self._told, told_write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns where other threads exist: their locks may be held for ever in the child. The child
            # reads files and ends by os._exit: it takes none.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(self._stop)
            os.close(self._told)
            _child(work, stop_read, told_write)
        os.close(stop_read)
        os.close(told_write)

    def stop(self) -> Any:
        """End the work and return its result; None when the process died."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._stop, b".")
        os.close(self._stop)
        with open(self._told, encoding="utf-8") as told:  # noqa: PTH123 - a descriptor
            text = told.read()
        os.waitpid(self._pid, 0)
        try:
            return json.loads(text)
        except ValueError:
            return None


def _child(work: Callable[[Wait], Any], stop: int, told: int) -> NoReturn:
    """Never returns: nothing of the parent's (exit handlers, buffers, `finally`) may run twice."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us by the pipe
        result = work(lambda seconds: bool(select.select([stop], [], [], seconds)[0]))
        with open(told, "w", encoding="utf-8") as file:
            json.dump(result, file)
        status = 0
    finally:
        os._exit(status)
