"""Progress over a known number of things: a bar with the time left on a terminal, plain lines with it elsewhere."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from ._live import LiveBar


class Tally(LiveBar):
    """`done` prints a line for each of `total` things as it is finished."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        # the file by name: what silences a converter meanwhile does not stop the bar
        super().__init__(Console(file=sys.stdout, highlight=False, soft_wrap=True), columns, total, "")
        self._total = total
        self._finished = 0
        self._started_s = time.monotonic()

    def done(self, line: str, *, good: bool = True) -> None:
        """One thing more is finished; what went wrong goes to standard error."""
        self._finished += 1
        self.move(self._finished, self._finished)
        console = self.console if good else Console(stderr=True, highlight=False, soft_wrap=True)
        head, *more = line.splitlines()
        tail = "" if self.console.is_terminal else f"  [{self._finished}/{self._total}{self._left()}]"
        console.print("\n".join([head + tail, *more]), markup=False)

    def _left(self) -> str:
        """What the rest will take if it goes on like this; nothing of it when all is done."""
        rest = self._total - self._finished
        seconds = (time.monotonic() - self._started_s) / self._finished * rest
        return f", about {_in_words(seconds)} left" if rest else ""


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
