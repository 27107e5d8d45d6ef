"""Hits of a fine-tuned net on the test images, as its log records them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from suites.preparation.from_checkpoints import teacher_model
from suites.preparation.training.paired import logged_hits, pack_hits, unpack_hits


@given(st.lists(st.booleans(), min_size=1))
def test_what_is_packed_comes_back(hits: list[bool]) -> None:
    assert unpack_hits(pack_hits(np.array(hits)), len(hits)).tolist() == hits


def test_the_last_line_of_the_log_counts(tmp_path: Path) -> None:
    log = tmp_path / "fine-tuned.jsonl"
    lines = [{"model": "m"}, {"epoch": 1}, {"test_right": pack_hits(np.array([True, False, True]))}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert logged_hits(log, 3).tolist() == [True, False, True]


def test_the_larger_net_of_the_family_teaches() -> None:
    assert teacher_model("mobilenet_v2-0.35-32") == "mobilenet_v2-1.0-32"
    with pytest.raises(UsageError, match="no larger net"):
        teacher_model("resnet18-1.0-32")
