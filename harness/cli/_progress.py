"""What a run prints while it measures: a bar on a terminal, one plain line a finished case elsewhere."""

from __future__ import annotations

from itertools import accumulate

from rich.console import Console
from rich.progress import BarColumn, TextColumn

from harness.core.record import Record
from harness.measure.block import Step
from harness.runs.plan import Plan
from reports.terminal.table import case_line

from ._live import LiveBar


class Progress(LiveBar):
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
