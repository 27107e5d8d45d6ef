"""The ratio of one input repeated to inputs in rotation, where the time depends on the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.measure.worker import timed_part
from harness.measure.worker.loop import LoopPlan, Samples

MS = 1_000_000


@pytest.mark.parametrize(
    ("rotation", "repeated", "ratio"),
    [
        ([1, 5, 5, 5], 1, 1.0),  # the first input is a fast one
        ([5, 1, 1, 1], 5, 5.0),
        ([2, 2, 2, 2], 1, 0.5),  # something remembers it
        ([1, 5, 5, 5], 0.5, 0.5),
    ],
)
def test_an_input_is_compared_with_itself_in_rotation(
    monkeypatch: pytest.MonkeyPatch, rotation: list[int], repeated: float, ratio: float
) -> None:
    again = np.full(5, repeated * MS, np.int64)
    monkeypatch.setattr(timed_part.timed_loop, "run", lambda *_: Samples(again, again, 0, 1, 5))
    monkeypatch.setattr(timed_part, "_cycles", lambda *_: {})
    session: Any = None
    batches = [{"x": np.zeros(1)}] * len(rotation)
    samples = np.array(rotation * 6, np.int64) * MS
    found = timed_part.whole_inference(session, batches, LoopPlan(20, 0, 20), samples)
    assert found["same_input_ratio"] == ratio
