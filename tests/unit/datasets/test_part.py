"""A part of a data set: its samples, counted from 0, with all else that the whole has."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import DataError
from harness.core.task import load_task
from harness.datasets.part import open_samples, write_part
from tests import detectors

TASK = load_task("suites.tasks.detection:detection")


def test_a_part_has_its_own_samples_and_the_classes_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = detectors.coco(tmp_path / "data", 6)
    whole = TASK.open("coco", data)
    part = open_samples(TASK, "part", write_part("coco", data, [1, 4, 5]))
    assert len(part) == 3
    assert TASK.facts(part) == TASK.facts(whole)
    found = [(place, objects.tolist()) for place, _, objects in part.select([2, 0])]
    expected = {place: objects.tolist() for place, _, objects in whole.select([1, 5])}
    assert found == [(2, expected[5]), (0, expected[1])]


def test_what_is_no_part_is_the_data_set_itself_and_a_lost_list_is_an_error(tmp_path: Path) -> None:
    data = detectors.coco(tmp_path / "data", 2)
    assert len(open_samples(TASK, "coco", data)) == 2
    with pytest.raises(DataError, match=r"gone\.json is no list of samples"):
        open_samples(TASK, "part", tmp_path / "gone.json")
