"""Marks of memory in the timed loop: when they are taken, and what of it is the loop's own."""

from __future__ import annotations

import numpy as np
import pytest

from harness.measure.worker import latency, loop
from harness.measure.worker.loop import LoopPlan


class Session:
    def __init__(self) -> None:
        self.prepared = 0

    def prepare(self, batch: object) -> None:
        self.prepared += 1

    def infer(self) -> None: ...


def test_memory_is_looked_at_before_samples_0_8_16_32_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    held = iter(range(10**6, 10**7, 1000))
    monkeypatch.setattr(latency, "own_rss_bytes", lambda: next(held))
    session = Session()
    marked = latency._ResidentMarks(session)  # type: ignore[arg-type]
    loop.timed(marked, [{"x": np.zeros(1)}], LoopPlan(50, 0, 50))
    marked.mark()
    assert session.prepared == 50
    assert [n for n, _ in marked.marks] == [0, 8, 16, 32, 50]
    own = [16 * n for n in (0, 8, 16, 32, 50)]
    assert [held for _, held in marked.marks] == [10**6 + 1000 * place - bytes_ for place, bytes_ in enumerate(own)]


def test_the_loop_times_the_session_itself() -> None:
    session = Session()
    assert latency._ResidentMarks(session).infer == session.infer  # type: ignore[arg-type]
