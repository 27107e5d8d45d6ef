"""What both kinds of progress share: a bar on a terminal, with the time gone and the time left, and none elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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
