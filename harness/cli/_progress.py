"""What both kinds of progress share: a bar on a terminal, with the time gone and the time left, and none elsewhere.

What a run prints while it measures: a bar on a terminal, one plain line a finished case elsewhere.

Progress over a known number of things: a bar with the time left on a terminal, plain lines with it elsewhere.

Ctrl-C while measuring: the first ends the run after the current process, the second at once.
"""

from __future__ import annotations

import signal
import sys
import time
from itertools import accumulate
from types import FrameType, TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.core.record import Record
from harness.measure.block import Step
from harness.runs.plan import Plan
from reports.terminal.table import case_line

Shown = TypeVar("Shown", bound="LiveBar")


class LiveBar:
    """A context manager: the bar is there within the `with` block. What is printed on `console` stands above it."""

    def __init__(self, console: Console, columns: tuple[ProgressColumn, ...], total: int, description: str) -> None:
        self.console = console
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._bar = Progress(*columns, *times, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(description, total=total, finished=0)

    def __enter__(self: Shown) -> Shown:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def move(self, reached: float, finished: int, description: str | None = None) -> None:
        """Show the bar at `reached` of its total, with `finished` things done."""
        self._bar.update(self._task, completed=reached, finished=finished, description=description)


class RunProgress(LiveBar):
    """Counts records as done, and a block's steps as parts of what its cases are worth."""

    def __init__(self, plan: Plan, silent: bool) -> None:
        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(),
            TextColumn("{task.fields[finished]}/{task.total:.0f} cases"),
        )
        console = Console(stderr=silent, quiet=silent, highlight=False, soft_wrap=True)
        super().__init__(console, columns, len(plan.cases), "starting")
        self._sizes = _block_sizes(plan)
        self._done = 0
        self._reached = 0.0

    def show(self, event: Step | Record) -> None:
        """Print a finished case, or move the bar."""
        if isinstance(event, Record):
            self._done += 1
            self.console.print(case_line(event), markup=False)
            self._advance(self._done)
            return
        size = next((size for start, size in self._sizes if start >= self._done), 0)
        share = 0.9 * event.done / max(event.of, 1) if event.what == "latency" else 0.9
        self._advance(self._done + share * size, event.what)

    def _advance(self, reached: float, what: str | None = None) -> None:
        """Move the bar, never back: a block's cases are measured together and finish one after the other."""
        self._reached = max(self._reached, reached)
        self.move(self._reached, self._done, what)


def _block_sizes(plan: Plan) -> list[tuple[int, int]]:
    """(cases before the block, cases in it), for every block."""
    sizes = [len(block) for block in plan.blocks]
    return list(zip(accumulate(sizes, initial=len(plan.refused)), sizes, strict=False))


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
