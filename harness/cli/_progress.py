"""Progress of a run or of a number of files, and Ctrl-C that lets the current step finish.

A terminal shows a bar with the elapsed and the remaining time; elsewhere each finished item prints a line.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from itertools import accumulate
from types import FrameType, TracebackType
from typing import Any, Protocol, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from harness.core.record import Record
from harness.measure.block import Step
from harness.runs.plan import Plan
from reports.terminal.table import case_line

from ._console import console

Bar = TypeVar("Bar", bound="LiveBar")


class TimeLeft(ProgressColumn):
    """Counts down between steps, at the rate of the steps so far."""

    def render(self, task: Task) -> Text:
        """Return 'about 2:05 left'; 'estimating' before the first step."""
        at_s, elapsed_s = task.fields["at_s"], task.elapsed
        if not at_s or not task.completed or elapsed_s is None or task.total is None:
            return Text("estimating time left", style="progress.remaining")
        left_s = at_s * task.total / task.completed - elapsed_s
        minutes, seconds = divmod(max(1, round(left_s)), 60)
        return Text(f"about {minutes}:{seconds:02} left", style="progress.remaining")


class LiveBar:
    """A progress bar that is shown within a `with` block; text printed on `console` appears above it."""

    def __init__(self, console: Console, columns: tuple[ProgressColumn, ...], total: int, description: str) -> None:
        self.console = console
        times = (TimeElapsedColumn(), TimeLeft())
        self._bar = Progress(*columns, *times, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(description, total=total, finished=0, at_s=0.0)

    def __enter__(self: Bar) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def move(self, reached: float, finished: int, description: str | None = None) -> None:
        """Move the bar to `reached` of its total, with `finished` items done."""
        elapsed_s = self._bar.tasks[0].elapsed or 0.0
        self._bar.update(self._task, completed=reached, finished=finished, description=description, at_s=elapsed_s)


class ShowsProgress(Protocol):
    """A display of a run's progress within a `with` block."""

    def __enter__(self) -> ShowsProgress: ...

    def __exit__(self, *_: Any) -> None: ...

    def show(self, event: Step | Record) -> None:
        """Show a finished case, or the step that was reached."""


class RunProgress(LiveBar):
    """Progress of a run: a record counts as one, a block's step as a part of its cases."""

    def __init__(self, plan: Plan, silent: bool = False, stderr: bool = False) -> None:
        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(),
            TextColumn("{task.fields[finished]}/{task.total:.0f} cases"),
        )
        lines = console(stderr=silent or stderr, quiet=silent, highlight=False, soft_wrap=True)
        super().__init__(lines, columns, len(plan.cases), "starting")
        self._sizes = _block_sizes(plan)
        self._done = 0
        self._reached = 0.0

    def show(self, event: Step | Record) -> None:
        """Print a finished case, or move the bar."""
        if isinstance(event, Record):
            self._done += 1
            width = self.console.width if self.console.is_terminal else None  # a log keeps whole names, for grep
            self.console.print(case_line(event, with_reason=False, width=width), markup=False)
            self._advance(self._done)
            return
        size = next((size for start, size in self._sizes if start >= self._done), 0)
        share = 0.9 * event.done / max(event.of, 1) if event.what == "latency" else 0.9
        self._advance(self._done + share * size, event.what)

    def _advance(self, reached: float, what: str | None = None) -> None:
        """Move the bar, never back: the cases of a block are measured together and finish one after another."""
        self._reached = max(self._reached, reached)
        self.move(self._reached, self._done, what)


def _block_sizes(plan: Plan) -> list[tuple[int, int]]:
    """Return (cases before the block, cases in it) for every block."""
    sizes = [len(block) for block in plan.blocks]
    return list(zip(accumulate(sizes, initial=len(plan.refused)), sizes, strict=False))


class Tally(LiveBar):
    """Progress over `total` items; `done` prints a line for each."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        # the file itself: redirecting sys.stdout to silence a converter does not stop the bar
        super().__init__(console(highlight=False, soft_wrap=True), columns, total, "")
        self._total = total
        self._finished = 0
        self._started_s = time.monotonic()

    def done(self, line: str, *, good: bool = True) -> None:
        """Count an item as finished and print its line, that of a failure to standard error."""
        self._finished += 1
        self.move(self._finished, self._finished)
        lines = self.console if good else console(stderr=True, highlight=False, soft_wrap=True)
        head, *more = line.splitlines()
        tail = "" if self.console.is_terminal else f"  [{self._finished}/{self._total}{self._left()}]"
        lines.print("\n".join([head + tail, *more]), markup=False)

    def _left(self) -> str:
        """Return the time that the remaining items will take at this rate; '' when all are done."""
        rest = self._total - self._finished
        seconds = (time.monotonic() - self._started_s) / self._finished * rest
        return f", about {_in_words(seconds)} left" if rest else ""


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class GentleInterrupt:
    """Within the `with` block a first SIGINT only sets `requested`; the next one interrupts as usual.

    Python gives signals to the main thread alone: in any other, nothing is requested.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> GentleInterrupt:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)

    def _first(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print("edgebench: ending after the current step; press Ctrl-C again to stop at once", file=sys.stderr)
