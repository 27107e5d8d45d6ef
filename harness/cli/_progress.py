"""What a run prints while it measures: a bar on a terminal, one plain line a finished case elsewhere."""

from __future__ import annotations

from itertools import accumulate
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from harness.bench.plan import Plan
from harness.core.record import Record
from harness.measure.block import Step
from reports.terminal import case_line


class Progress:
    """Counts records as done, and a block's steps as parts of what its cases are worth."""

    def __init__(self, plan: Plan, silent: bool) -> None:
        self._console = Console(stderr=silent, quiet=silent, highlight=False, soft_wrap=True)
        self._bar = Bar(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            TextColumn("{task.fields[finished]}/{task.total:.0f} cases"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=len(plan.cases), finished=0)
        self._sizes = _block_sizes(plan)
        self._done = 0
        self._reached = 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: Step | Record) -> None:
        """Print a finished case, or move the bar."""
        if isinstance(event, Record):
            self._done += 1
            self._console.print(case_line(event), markup=False)
            self._advance(self._done)
            return
        size = next((size for start, size in self._sizes if start >= self._done), 0)
        share = 0.9 * event.done / max(event.of, 1) if event.what == "latency" else 0.9
        self._advance(self._done + share * size, event.what)

    def _advance(self, reached: float, what: str | None = None) -> None:
        """Move the bar, never back: a block's cases are measured together and finish one after the other."""
        self._reached = max(self._reached, reached)
        self._bar.update(self._task, completed=self._reached, finished=self._done, description=what)


def _block_sizes(plan: Plan) -> list[tuple[int, int]]:
    """(cases before the block, cases in it), for every block."""
    sizes = [len(block) for block in plan.blocks]
    return list(zip(accumulate(sizes, initial=len(plan.refused)), sizes, strict=False))
