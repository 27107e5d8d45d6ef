"""Labels of a user's own: files in many spellings, lists of class names, offsets, orders, and a model's outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import DataError, UsageError
from harness.datasets.dataset import open_folder
from harness.datasets.label_mapping import NO_CHOICE, LabelChoice, LabelMapping, label_array, mapping_of_indices
from harness.datasets.model_outputs import choose_output


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (2, 2)).save(path)


def labels(folder: Path, outputs: int, choice: LabelChoice = NO_CHOICE) -> dict[str, int]:
    """The output that stands for the label of each image, by its path."""
    data = open_folder(folder, choice)
    fitted = data.label_mapping.fit(label_array([label for _, label in data.files]), outputs).tolist()
    return {str(path.relative_to(folder)): label for (path, _), label in zip(data.files, fitted, strict=True)}


# Files of labels


@pytest.mark.parametrize(
    ("images", "text"),
    [
        (("IMG a 0.png", "IMG b 1.png"), "IMG a 0.png 1\nIMG b 1.png 0\n"),
        (("blue 0.png", "red_1.png"), "blue 0.png 1\nred_1.png 0\n"),  # the first line is no header
        (("a, b.png", "c.png"), '"a, b.png",1\n"c.png",0\n'),
        (("a b.png", "c.png"), '"a b.png" 1\n"c.png" 0\n'),
        (("a.png", "b.png"), "a.png\t1\r\nb.png\t0\r\n"),
        (("a.png", "b.png"), "a.png;1\nb.png;0\n"),
        (("a.png", "b.png"), "\ufeffa.png,1\nb.png,0\n"),
        (("a.png", "b.png"), "\n./a.png  1  \n\nsub\\..\\b.png 0\n".replace("sub\\..\\", "")),
        (("a.png", "b.png"), "image,label\na.png,1\nb.png,0\n"),
        (("a.png", "b.png"), "label,filename\n1,a.png\n0,b.png\n"),
        (("a.png", "b.png"), "filename,width,height,class\na.png,64,48,1\nb.png,64,48,0\n"),
        (("a.png", "b.png"), "a.png,1.0\nb.png,0.0\n"),
        (("x/1.png", "y/1.png"), "x/1.png 1\ny/1.png 0\n"),
        (("#1.png", "b.png"), "#1.png 1\nb.png 0\n"),
    ],
)
def test_lines_are_read_as_they_are_written(tmp_path: Path, images: tuple[str, str], text: str) -> None:
    for image in images:
        picture(tmp_path / image)
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8", newline="")
    assert labels(tmp_path, 2) == {images[0]: 1, images[1]: 0}


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    picture(tmp_path / "ä.png")
    picture(tmp_path / "b.png")
    (tmp_path / "labels.csv").write_text("ä.png,1\nb.png,0\n", encoding="utf-16")
    assert labels(tmp_path, 2) == {"ä.png": 1, "b.png": 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xe4.png,1\n", "is not UTF-8 text"),
        (b"1 0\n", "may be 2 images"),
        (b"x/1.png -1\n", "'-1' is no class"),
        (b"x/1.png\n", "'' is no class"),
        (b"missing.png cat\nx/1.png 0\n", "images that are not there, the first is missing.png"),
        (b"x/1.png cat\ny/1.png dog\n", "'cat' is no class"),
        (b"x/1.tif 0\n", "1 file of kinds that are not read: 1 .tif"),
    ],
)
def test_a_file_that_leaves_a_label_open_is_an_error(tmp_path: Path, text: bytes, message: str) -> None:
    picture(tmp_path / "x" / "1.png")
    picture(tmp_path / "y" / "1.png")
    (tmp_path / "x" / "1.tif").write_bytes(b"")
    (tmp_path / "labels.txt").write_bytes(text)
    with pytest.raises(DataError) as raised:
        open_folder(tmp_path)
    assert message in raised.value.message


def test_images_that_the_file_leaves_out_are_counted(tmp_path: Path) -> None:
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    (tmp_path / "labels.txt").write_text("a.png 0\nb.png 1\n")
    (finding,) = open_folder(tmp_path).findings
    assert finding.found == "1 image in the folder is not in its labels file"


# Lists of class names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "0 red\n1 blue\n2 green\n"),
        ("labels.txt", "red\nblue\ngreen\n"),
        ("labels.txt", "1: red\n2: blue\n3: green\n"),
        ("labels.txt", "green,2\nblue,1\nred,0\n"),
        ("classes.txt", "\ufeffRed\nBLUE\n green \n"),
    ],
)
def test_a_list_of_class_names_gives_the_order_of_the_folders(tmp_path: Path, name: str, text: str) -> None:
    for folder in ("blue", "green", "red"):
        picture(tmp_path / folder / "1.png")
        picture(tmp_path / folder / "0.png")
    (tmp_path / name).write_text(text, encoding="utf-8")
    expected = {"red": 0, "blue": 1, "green": 2}
    assert labels(tmp_path, 3) == {f"{folder}/{n}.png": expected[folder] for folder in expected for n in (0, 1)}


def test_a_list_may_name_more_classes_than_there_are_folders(tmp_path: Path) -> None:
    picture(tmp_path / "golden_retriever" / "1.png")
    picture(tmp_path / "tabby" / "1.png")
    (tmp_path / "labels.txt").write_text("background\ntabby\npug\ngolden retriever\n")
    assert labels(tmp_path, 4) == {"golden_retriever/1.png": 3, "tabby/1.png": 1}
    with pytest.raises(DataError, match="the model has 2 outputs, the data set 4 classes"):
        labels(tmp_path, 2)


def test_a_list_above_the_splits_counts_for_the_scored_part(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            picture(tmp_path / split / name / "1.png")
    (tmp_path / "labels.txt").write_text("dog\ncat\n")
    assert labels(tmp_path, 2) == {"test/cat/1.png": 1, "test/dog/1.png": 0}


def test_class_names_in_a_labels_file_need_a_list(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,golden retriever\nb.png,cat\n")
    with pytest.raises(DataError, match="is no class") as raised:
        open_folder(tmp_path)
    assert "classes.txt" in raised.value.remedy
    (tmp_path / "classes.txt").write_text("cat\ndog\ngolden retriever\n")
    assert labels(tmp_path, 3) == {"a.png": 2, "b.png": 0}


@pytest.mark.parametrize(("text", "message"), [("cat\nbird\n", "'dog' is none of"), ("cat\ncat\ndog\n", "twice")])
def test_a_list_that_does_not_fit_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "dog" / "1.png")
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        open_folder(tmp_path)


# Offsets and orders


def fitted(given: list[int], outputs: int, offset: int | None = None) -> list[int]:
    mapping = mapping_of_indices(given, LabelChoice(offset))
    mapping.check(outputs)
    found: list[int] = mapping.fit(np.array(given), outputs).tolist()
    return found


@pytest.mark.parametrize(
    ("given", "outputs", "offset", "expected"),
    [
        ([10, 20, 30], 1001, None, [11, 21, 31]),  # ImageNet's numbers, a background class first
        ([10, 20, 30], 1001, 0, [10, 20, 30]),
        ([1, 1000], 1001, None, [1, 1000]),  # outputs themselves
        ([0, 999], 1001, None, [1, 1000]),
        ([0, 999], 1000, None, [0, 999]),
        ([0, 1, 2], 4, 1, [1, 2, 3]),
        ([1, 2, 3], 3, -1, [0, 1, 2]),
        ([0, 1], 1, None, [0, 1]),  # a binary classifier
        ([1, 1], 1, None, [1, 1]),
        ([0, 1, 2], 1000, 0, [0, 1, 2]),
    ],
)
def test_a_label_is_the_index_of_an_output(
    given: list[int], outputs: int, offset: int | None, expected: list[int]
) -> None:
    assert fitted(given, outputs, offset) == expected


@pytest.mark.parametrize(
    ("given", "outputs", "offset", "message", "remedy"),
    [
        ([1, 2, 3], 3, None, "3 outputs, labels of the data set go up to 3", "--label-offset -1"),
        ([0, 1, 2], 3, -1, "begin at -1 with --label-offset -1", ""),
        ([0, 1, 2], 3, 1, "go up to 3 with --label-offset 1", ""),
        ([0, 1, 2], 4, None, "4 outputs, the data set 3 classes", "--label-offset"),
        ([0, 1, 2], 1, None, "1 output, the data set 3 classes", ""),
    ],
)
def test_labels_beyond_the_outputs_are_an_error(
    given: list[int], outputs: int, offset: int | None, message: str, remedy: str
) -> None:
    with pytest.raises(DataError) as raised:
        fitted(given, outputs, offset)
    assert message in raised.value.message
    assert remedy in raised.value.remedy


def test_folders_named_by_numbers_are_counted_as_trainers_do_and_it_is_said(tmp_path: Path) -> None:
    for number in range(12):
        picture(tmp_path / str(number) / "1.png")
    by_name = {name: place for place, name in enumerate(sorted(map(str, range(12))))}
    for order, expected in ((None, by_name), ("name", by_name), ("number", {str(n): n for n in range(12)})):
        choice = LabelChoice(order=order)  # type: ignore[arg-type]
        assert labels(tmp_path, 12, choice) == {f"{name}/1.png": label for name, label in expected.items()}
        (finding,) = open_folder(tmp_path, choice).label_mapping.findings(12)
        assert finding.status == ("warn" if order is None else "ok")
        assert ("10 before 2" in finding.found) == (order != "number")


@pytest.mark.parametrize("names", [("00", "01", "10", "02"), ("0", "1", "2"), ("cat", "dog")])
def test_where_both_orders_are_one_nothing_is_said(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        picture(tmp_path / name / "1.png")
    assert open_folder(tmp_path).label_mapping.findings(len(names)) == []


def test_folders_that_count_from_one_fit_as_many_outputs(tmp_path: Path) -> None:
    for number in range(1, 4):
        picture(tmp_path / str(number) / "1.png")
    assert labels(tmp_path, 3) == {"1/1.png": 0, "2/1.png": 1, "3/1.png": 2}
    assert labels(tmp_path, 10) == {"1/1.png": 1, "2/1.png": 2, "3/1.png": 3}


# Which output


TWO = LabelMapping(2)
THREE = LabelMapping(3)


@pytest.mark.parametrize(
    ("outputs", "wanted", "chosen"),
    [
        ({"y": [1, 3]}, None, "y"),
        ({"aux": [1, 3], "logits": [1, 3]}, None, "logits"),
        ({"features": [1, 64], "y": [1, 3]}, None, "y"),
        ({"embedding": [1, 3], "y": [1, 3]}, None, "y"),
        ({"Identity": [1, 3], "aux_logits": [1, 3]}, None, "Identity"),
        ({"probs": [1, 3], "logits": [1, 3]}, None, "logits"),
        ({"mainOutput": [1, 3], "x12": [1, 3]}, None, "mainOutput"),
        ({"a": [1, 3], "b": [1, 3]}, "b", "b"),
        ({"aux": [1, 3], "logits": [1, 3]}, "aux", "aux"),
        ({"map": [1, 3, 7, 7], "y": [1, 3, 1, 1]}, None, "y"),
    ],
)
def test_the_scored_output_is_chosen_by_size_and_name(
    outputs: dict[str, list[int]], wanted: str | None, chosen: str
) -> None:
    assert choose_output(outputs, THREE, wanted).name == chosen


@pytest.mark.parametrize(
    ("outputs", "wanted", "message"),
    [
        ({"Identity": [1, 3], "Identity_1": [1, 3]}, None, "several outputs may be the scores"),
        ({"y": [1, 3]}, "z", "the model has no output 'z'"),
        ({"y": [1, 3], "f": [1, 64]}, "f", "64 outputs, the data set 3 classes"),
        ({"g": [1, 7], "f": [1, 64]}, None, "no output of the model has the classes of the data set: g 1x7, f 1x64"),
        ({"y": [1, 1]}, None, "1 output, the data set 3 classes"),
    ],
)
def test_an_output_that_cannot_be_chosen_is_asked_for(
    outputs: dict[str, list[int]], wanted: str | None, message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        choose_output(outputs, THREE, wanted)
    assert message in raised.value.message


def test_one_output_tells_two_classes_apart() -> None:
    assert choose_output({"y": [1, 1]}, TWO).size == 1
    assert [finding.check for finding in TWO.findings(1)] == ["binary"]
