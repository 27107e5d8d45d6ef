"""Images parted into those that calibrate and those that are scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.artifact import Preprocess
from harness.core.errors import DataError
from harness.datasets.dataset import open_dataset, open_folder
from harness.datasets.manifest import subset
from suites.post_training.split import MOST, stratified

from .photos import plain, split_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return plain(tmp_path / "photos", {"ant": 20, "bee": 10, "cat": 1})


def test_no_image_is_in_both_parts_and_none_is_lost(photos: Path) -> None:
    split = split_of(photos)
    scored = open_dataset(*split.scored)
    chosen = {split.data.files[index][0] for index in split.indices}
    kept = {path for path, _ in scored.files}
    assert chosen.isdisjoint(kept)
    assert chosen | kept == {path for path, _ in split.data.files}
    assert (split.note["calibration_images"], split.note["scored_images"]) == (6, 25) == (len(chosen), len(scored))


def test_classes_take_turns_and_each_keeps_an_image(photos: Path) -> None:
    split = split_of(photos)
    labels = [split.data.files[index][1] for index in split.indices]
    assert sorted(labels) == [0, 0, 0, 1, 1, 1]
    assert {label for _, label in open_dataset(*split.scored).items()} == {0, 1, 2}


def test_the_seed_decides(photos: Path) -> None:
    assert split_of(photos, 1).indices == split_of(photos, 1).indices
    assert split_of(photos, 1).indices != split_of(photos, 2).indices
    assert split_of(photos, 1).scored != split_of(photos, 2).scored


def test_two_folders_of_one_size_are_scored_apart(photos: Path, tmp_path: Path) -> None:
    other = plain(tmp_path / "others", {"ant": 20, "bee": 10, "cat": 1})
    assert split_of(photos).indices == split_of(other).indices
    assert split_of(photos).scored != split_of(other).scored


def test_classes_of_one_image_each_still_give_some() -> None:
    assert len(stratified([0, 1, 2, 3], 1, seed=0)) == 1
    assert len(stratified([4, 4, 7], 2, seed=0)) == 1


def test_never_more_images_than_are_worth_it() -> None:
    assert len(stratified([0, 1] * 2000, MOST, seed=0)) == MOST


def test_the_parts_numbering_is_that_of_the_whole(photos: Path) -> None:
    whole = open_dataset("folder", photos)
    assert open_dataset(*split_of(photos).scored).label_mapping == whole.label_mapping


def test_named_parts_shrink_with_the_images_taken(tmp_path: Path) -> None:
    plain(tmp_path, {"a": 4})
    lines = ["# part one", "a/000.png 0", "a/001.png 0", "# part two", "a/002.png 0", "a/003.png 1"]
    (tmp_path / "labels.txt").write_text("\n".join(lines))
    stored = subset(open_folder(tmp_path), [1, 2, 3]).write()
    assert list(open_dataset("manifest", stored).parts) == [("one", 1), ("two", 2)]


def test_the_images_are_made_inputs(photos: Path) -> None:
    assert split_of(photos).images(Preprocess(crop=4)).shape == (6, 3, 4, 4)


@pytest.mark.parametrize(
    ("sizes", "words"), [({"ant": 1, "bee": 0}, "holds one image"), ({"ant": 0}, "no images below")]
)
def test_too_little_to_part_is_said(tmp_path: Path, sizes: dict[str, int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        _ = split_of(plain(tmp_path / "photos", sizes)).indices


def test_images_that_vanish_after_the_split_are_noted_and_the_others_scored(photos: Path) -> None:
    _, stored = split_of(photos).scored
    for path in (photos / "ant").iterdir():
        path.unlink()
    dataset = open_dataset("manifest", stored)
    assert {label for _, label in dataset.items()} == {1, 2}
    assert len(dataset.unreadable) == 17
    assert "ant/" in str(next(iter(dataset.unreadable)))


def test_a_list_that_is_gone_is_missed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="start the run again"):
        open_dataset("manifest", tmp_path / "gone.json")
