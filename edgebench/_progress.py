"""Progress of a measurement for Python programs: a bar on a terminal, one changing line in a notebook, or none."""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.core.record import Record

if TYPE_CHECKING:
    from types import TracebackType

    from harness.cli._progress import ShowsProgress
    from harness.measure.block import Step
    from harness.runs.plan import Plan


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this program."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules


def wanted(progress: bool | None) -> bool:
    """Return whether progress is shown; None leaves it to where the program runs."""
    return in_notebook() or sys.stderr.isatty() if progress is None else progress


def notifier(progress: bool | None) -> Callable[[str], None]:
    """Return what warnings about the machine go to: standard error, or the logger 'edgebench' without progress."""
    if wanted(progress):
        return partial(print, file=sys.stderr, flush=True)
    return logging.getLogger("edgebench").info


def shown(progress: bool | None, plan: Plan) -> ShowsProgress:
    """Return the display of a run's progress, a context manager."""
    from harness.cli._progress import RunProgress

    if not wanted(progress):
        return RunProgress(plan, silent=True)
    return NotebookProgress(len(plan.cases)) if in_notebook() else RunProgress(plan, stderr=True)


class NotebookProgress:
    """One line below the cell: how many cases are finished, what is being measured, and the last finished case."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._last = ""
        self._handle: Any = None

    def __enter__(self) -> NotebookProgress:
        display = sys.modules["IPython"].display.display
        self._handle = display(self._line("starting"), raw=True, display_id=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.update(self._line("done" if error is None else "ended early"), raw=True)

    def show(self, event: Step | Record) -> None:
        """Count a finished case, or name the step."""
        from reports.terminal.table import case_line

        if isinstance(event, Record):
            self._done += 1
            self._last = case_line(event)
        self._handle.update(self._line("" if isinstance(event, Record) else event.what), raw=True)

    def _line(self, step: str) -> dict[str, str]:
        text = "  ".join(filter(None, (f"{self._done}/{self._total} cases", step, self._last)))
        return {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}
