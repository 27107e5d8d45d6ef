"""The accuracy pass that ends when the difference to fp32 is decided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from harness.core.task import PerSample, Predictions, load_task
from harness.datasets.dataset import open_dataset
from harness.measure.outcomes import write_outcomes
from harness.measure.passes.accuracy import CaseOutputs
from harness.measure.protocol import StoppingRule
from harness.measure.worker.accuracy import EarlyStopping, in_order
from suites.artifacts.catalog import DATA

N, CLASSES = 1000, 10
TASK = load_task("")


def labels() -> np.ndarray:
    return np.arange(N) % CLASSES


def outputs(right: np.ndarray, classes: int = CLASSES) -> list[np.ndarray]:
    """Outputs whose best class is the label where `right`, another one elsewhere; each a row."""
    best = np.where(right, labels(), (labels() + 1) % CLASSES)
    return list(np.eye(classes, dtype=np.float32)[best][:, None])


def predictions(right: np.ndarray, classes: int = CLASSES) -> Predictions:
    return Predictions(PerSample.of(outputs(right, classes)), PerSample.rows(labels()), np.arange(N))


def judge(tmp_path: Path, right: np.ndarray, margin: float = 0.05, classes: int = CLASSES) -> EarlyStopping:
    """Compares with an fp32 net that is `right`."""
    reference = predictions(right, classes)
    write_outcomes(tmp_path / "reference.npz", TASK.judge(reference), reference)
    words = f"{100 * margin:g} point{'s' * (margin != 0.01)}"
    return EarlyStopping(TASK, StoppingRule(str(tmp_path / "reference.npz"), margin, words))


def stopped_at(one: EarlyStopping, own: list[np.ndarray]) -> int:
    """After how many images it has seen enough; all of them where it never has."""
    places = np.random.default_rng(3).permutation(N).tolist()
    return next((n for n in range(1, N + 1) if one.decided(places[:n], [own[p] for p in places[:n]])), N)


def test_an_equal_net_is_soon_within_the_margin_and_says_so(tmp_path: Path) -> None:
    right = np.arange(N) % 7 > 0
    one = judge(tmp_path, right)
    assert stopped_at(one, outputs(right)) == 250
    assert one.outcome["words"] == "stopped after 250 of 1000 images: within 5 points of fp32"
    assert (one.outcome["n"], one.outcome["of"], one.outcome["value"]) == (250, 1000, 0.0)


def test_a_ruined_net_is_worse_at_the_first_look(tmp_path: Path) -> None:
    one = judge(tmp_path, np.ones(N, bool))
    assert stopped_at(one, outputs(np.arange(N) % 10 == 0)) == 125
    assert one.outcome["finding"] == "worse"
    assert one.outcome["hi"] < 0


def test_what_cannot_be_decided_takes_all_images(tmp_path: Path) -> None:
    right = np.arange(N) % 2 == 0
    one = judge(tmp_path, right, margin=0.01)
    assert stopped_at(one, outputs(~right)) == N
    assert one.outcome["words"].startswith("undecided after all 1000 images: neither within 1 point of fp32")


def test_a_net_with_other_outputs_is_compared_with_nothing(tmp_path: Path) -> None:
    one = judge(tmp_path, np.ones(N, bool), classes=1000)
    assert stopped_at(one, outputs(np.ones(N, bool))) == N
    assert one.outcome == {}


def coloured(folder: Path) -> Path:
    """Pictures of one colour each, which tells their place in the order: classes in turn."""
    for shade in range(12):
        place = folder / "abc"[shade % 3] / f"{shade:02}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Pillow.new("RGB", (2, 2), (shade, 0, 0)).save(place)
    return folder


@pytest.mark.parametrize("limit", [None, 5, 99])
def test_each_image_of_a_folder_comes_once_in_an_order_of_the_seed(tmp_path: Path, limit: int | None) -> None:
    dataset = open_dataset("folder", coloured(tmp_path))
    found = list(in_order(dataset, limit, seed=1))
    assert sorted(place for place, _, _ in found) == list(range(min(limit or 12, 12)))
    assert all(image[0, 0, 0] == place and label == place % 3 for place, image, label in found)
    assert [place for place, _, _ in found] != sorted(place for place, _, _ in found)
    assert [place for place, _, _ in in_order(dataset, limit, seed=None)] == sorted(place for place, _, _ in found)


def test_each_image_of_a_labels_file_keeps_its_label(tmp_path: Path) -> None:
    coloured(tmp_path)
    lines = [f"{'abc'[shade % 3]}/{shade:02}.png {shade % 4}" for shade in range(12)]
    (tmp_path / "labels.txt").write_text("\n".join(lines))
    found = list(in_order(open_dataset("folder", tmp_path), None, seed=1))
    assert len(found) == 12
    assert all(image[0, 0, 0] == place and label == place % 4 for place, image, label in found)


def test_images_of_an_idx_file_are_those_at_their_places() -> None:
    dataset = open_dataset("idx", DATA / "fashion-mnist")
    first = list(dataset.items(3))
    for (_, image, label), (wanted, wanted_label) in zip(dataset.select([2, 0]), (first[2], first[0]), strict=True):
        assert np.array_equal(image, wanted)
        assert label == wanted_label


def test_scores_of_some_images_are_theirs_alone() -> None:
    some = CaseOutputs(TASK, predictions(np.arange(N) % 2 == 0)).at(np.array([0, 2, 5]))
    assert some.outcomes.values.tolist() == [True, True, False]
    assert some.places.tolist() == [0, 2, 5]
    assert some.at(np.array([2, 3])).places.tolist() == [2]
