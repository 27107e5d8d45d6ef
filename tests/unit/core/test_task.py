"""What tasks are made of: arrays of many samples in one, predictions at some positions, and how a quality is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.quality import TOP1, QualityKind
from harness.core.task import PerSample, Predictions, load_task

ROOT = Path(__file__).parents[3]
RAGGED = [np.array([[1, 1], [2, 2]]), np.empty((0, 2), int), np.array([[3, 3]])]


def test_arrays_of_any_length_come_back_as_they_were() -> None:
    joined = PerSample.of(RAGGED)
    assert len(joined) == 3
    for own, given in zip(joined, RAGGED, strict=True):
        assert np.array_equal(own, given)


def test_samples_are_taken_in_the_order_asked_for_and_as_often() -> None:
    taken = PerSample.of(RAGGED).take(np.array([2, 0, 1, 2]))
    assert taken.values.tolist() == [[3, 3], [1, 1], [2, 2], [3, 3]]
    assert taken.counts.tolist() == [1, 2, 0, 1]
    assert len(PerSample.of(RAGGED).take(np.array([], np.int64)).values) == 0
    assert PerSample.rows(np.arange(4)).take(np.array([3, 1])).values.tolist() == [3, 1]


def test_predictions_at_some_positions_are_those_that_are_here() -> None:
    predictions = Predictions(PerSample.of(RAGGED), PerSample.rows(np.array([7, 8, 9])), np.array([0, 2, 5]))
    some = predictions.at(np.array([1, 2, 5]))
    assert some.places.tolist() == [2, 5]
    assert some.truths.values.tolist() == [8, 9]
    assert some.predicted.counts.tolist() == [0, 1]
    assert predictions.width == (2,)


def test_a_quality_says_which_way_is_better_and_how_it_is_shown() -> None:
    error = QualityKind("wer", "WER", "WER", better="lower")
    length = QualityKind("mae", "Error", "error", better="lower", unit="px")
    assert (TOP1.sign, error.sign) == (1.0, -1.0)
    assert (error.shown(0.125), length.shown(2.5)) == ("12%", "2.5 px")
    assert (error.change(0.0125), length.change(-2.5)) == ("+1.25 points", "-2.5 px")
    assert error.difference(0.01, 0.3) == 0.01
    assert length.difference(0.01, 200.0) == 2.0


@pytest.mark.parametrize("reference", ["", "suites.tasks.classification:classification"])
def test_classification_is_the_task_where_none_is_named(reference: str) -> None:
    task = load_task(reference)
    assert (task.name, task.quality, task.column) == ("classification", TOP1, "top1")


def test_a_task_is_loaded_by_its_reference() -> None:
    assert load_task("suites.tasks.detection:detection").quality.metric == "map"


@pytest.mark.parametrize("name", ["classification", "detection"])
def test_a_worker_loads_a_task_and_nothing_else_of_the_suites(name: str) -> None:
    """Another Python than this one may run it, with the runtimes alone."""
    code = (
        "import sys; from harness.core.task import load_task; "
        f"load_task('suites.tasks.{name}:{name}'); "
        "print([m for m in sys.modules if m.startswith('suites.') and not m.startswith('suites.tasks')], "
        "[m for m in ('pydantic', 'pandas', 'PIL', 'tomllib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[] []\n"
