"""SIGTERM and SIGHUP end a command as Ctrl-C does: the header is closed, the report written, the machine restored."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from harness.core.errors import EXIT_INTERRUPTED

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """The process was asked to end; whoever cleans up after Ctrl-C cleans up after this.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


class EndingSignals:
    """Within the `with` block SIGTERM and SIGHUP raise `Terminated`, once; later ones are ignored while it cleans up.

    A signal that is ignored, as under `nohup`, stays ignored. Python gives signals to the main thread alone: in any
    other, nothing is changed.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._terminals: list[int] = []
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> EndingSignals:
        if threading.current_thread() is threading.main_thread():
            self._terminals = [number for number in (1, 2) if os.isatty(number)]
            for number in _ENDING:
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, self._end)
                    self._undo.callback(signal.signal, number, signal.SIG_DFL)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def exit_code(self, code: int) -> int:
        """Return the exit code of a command that ended with `code`: 128 and the signal's number if one ended it."""
        return 128 + self._received if code == EXIT_INTERRUPTED and self._received else code

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            return
        self._received = number
        for descriptor in self._terminals:
            if not os.isatty(descriptor):  # it hung up: what is still printed goes nowhere
                with _null() as null:
                    os.dup2(null, descriptor)
        raise Terminated(number)


@contextlib.contextmanager
def _null() -> Iterator[int]:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
