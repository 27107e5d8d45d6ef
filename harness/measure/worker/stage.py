"""What a scenario has at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from harness.core.scenario import Load

from .loop import Clock, Driven


class Stage(NamedTuple):
    """What a scenario has at hand: a warm `session`, `another` like it, the case's load and batch, and the time."""

    session: Driven
    another: Callable[[], Driven]
    load: Load = Load()
    batch: int = 1
    seed: int = 0
    now: Clock = time.perf_counter_ns
    sleep: Callable[[float], None] = time.sleep

    def wait_until(self, due_ns: int) -> None:
        """Sleep until then; never spin, since that would burn what a waiting device saves."""
        while (left_ns := due_ns - self.now()) > 0:
            self.sleep(left_ns / 1e9)
