"""Progress over a known number of things: a bar with the time left on a terminal, plain lines with it elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Tally:
    """A context manager; `done` prints a line for each of `total` things as it is finished."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._finished = 0
        self._started_s = time.monotonic()
        self._console = Console(highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Tally:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def done(self, line: str, *, good: bool = True) -> None:
        """One thing more is finished; what went wrong goes to standard error."""
        self._finished += 1
        self._bar.update(self._task, completed=self._finished)
        console = self._console if good else Console(stderr=True, highlight=False, soft_wrap=True)
        head, *more = line.splitlines()
        tail = "" if self._console.is_terminal else f"  [{self._finished}/{self._total}{self._left()}]"
        console.print("\n".join([head + tail, *more]), markup=False)

    def _left(self) -> str:
        """What the rest will take if it goes on like this; nothing of it when all is done."""
        rest = self._total - self._finished
        seconds = (time.monotonic() - self._started_s) / self._finished * rest
        return f", about {_in_words(seconds)} left" if rest else ""


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
