"""Ctrl-C while measuring: the first ends the run after the current process, the second at once."""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType


class GentleInterrupt:
    """Within the `with` block a first SIGINT only sets `asked`; the one after it interrupts as usual."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> GentleInterrupt:
        self._before = signal.signal(signal.SIGINT, self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _first(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("edgebench: ending after the current step; press Ctrl-C again to stop at once", file=sys.stderr)
