"""The time left counts down between the steps of a run."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from harness.cli._progress import TimeLeft


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_time_left_counts_down_and_is_estimated_anew_at_each_step() -> None:
    clock, column = Clock(), TimeLeft()
    bar = Progress(column, console=Console(file=io.StringIO()), get_time=clock)
    number = bar.add_task("", total=10, at_s=0.0)
    (task,) = bar.tasks

    def left(done: float | None = None, passed_s: float = 0.0) -> str:
        clock.now_s += passed_s
        if done is not None:
            bar.update(number, completed=done, at_s=task.elapsed)
        return str(column.render(task))

    assert left() == "estimating time left"
    assert left(1, passed_s=30.0) == "about 4:30 left"
    assert left(passed_s=10.0) == "about 4:20 left", "it never stands still"
    assert left(5, passed_s=20.0) == "about 1:00 left"
    assert left(passed_s=500.0) == "about 0:01 left", "it is never nothing before the end"
