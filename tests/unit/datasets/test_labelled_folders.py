"""Which class an image is of: folders by name, number or WordNet id, and files of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import DataError
from harness.datasets import label_mapping
from harness.datasets.dataset import open_dataset
from harness.datasets.label_mapping import LabelMapping, label_array
from harness.datasets.labels_file import KIT
from harness.datasets.pictures import read_image
from harness.stats import output_quality

IMAGENETTE = (
    *("n01440764", "n02102040", "n02979186", "n03000684", "n03028079"),
    *("n03394916", "n03417042", "n03425413", "n03445777", "n03888257"),
)


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (shade, shade, shade)).save(path, format="PNG")


def labels(path: Path, outputs: int) -> list[int]:
    """The labels of the images at `path` as a model of so many outputs has them."""
    data = open_dataset("folder", path)
    return data.label_mapping.fit(label_array([label for _, label in data.items()]), outputs).tolist()


def test_the_list_of_classes_is_whole_and_in_the_order_of_outputs() -> None:
    known = label_mapping.wordnet_indices()
    assert list(known) == sorted(known)
    assert list(known.values()) == list(range(1000))
    assert sorted(label_mapping.kit_indices()) == list(range(1, 1001))


def test_the_kits_numbers_are_the_validation_sets() -> None:
    # The first ten lines of the kit's ground truth, and the classes under which the first ten images are known.
    kit = (490, 361, 171, 822, 297, 482, 13, 704, 599, 164)
    assert [label_mapping.kit_indices()[number] for number in kit] == [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]


def test_imagenettes_folders_stand_for_their_places_in_imagenet_or_in_their_own_order(tmp_path: Path) -> None:
    for wnid in IMAGENETTE:
        picture(tmp_path / "imagenette" / "val" / wnid / "1.JPEG")
        picture(tmp_path / "imagenette" / "train" / wnid / "2.JPEG")
    folder = tmp_path / "imagenette"
    assert labels(folder, 1000) == [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]
    assert labels(folder, 1001) == [1, 218, 483, 492, 498, 567, 570, 572, 575, 702]  # behind a background class
    assert labels(folder / "val", 10) == list(range(10))
    with pytest.raises(DataError, match="the model has 12 outputs, the data set 10 classes"):
        labels(folder, 12)


def test_of_a_split_set_the_validation_images_are_taken_class_after_class_in_turn(tmp_path: Path) -> None:
    for part, shade in (("train", 200), ("val", 10)):
        for place, name in enumerate(("ant", "bee")):
            for number in range(2):
                picture(tmp_path / part / name / f"{number}.png", shade + 10 * place + number)
    found = [(int(image[0, 0, 0]), label) for image, label in open_dataset("folder", tmp_path).items()]
    assert found == [(10, 0), (20, 1), (11, 0), (21, 1)]


@pytest.mark.parametrize("name", [KIT, "imagenet_2012_validation_synset_labels.txt"])
def test_labels_alone_are_those_of_the_images_in_the_order_of_their_names(tmp_path: Path, name: str) -> None:
    for number in (3, 1, 2):
        picture(tmp_path / f"ILSVRC2012_val_0000000{number}.JPEG", number)
    lines = ("490", "361", "171") if name == KIT else ("n01751748", "n04286575", "n02105855")
    (tmp_path / name).write_text("\n".join(lines))
    found = [(int(image[0, 0, 0]), label) for image, label in open_dataset("folder", tmp_path).items()]
    assert found[0] == (1, 65)
    assert [shade for shade, _ in found] == [1, 2, 3]


def test_folders_named_by_numbers_are_taken_as_those_numbers(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        picture(tmp_path / str(number) / "a.png", number)
    data = open_dataset("folder", tmp_path)
    assert [int(image[0, 0, 0]) for image, _ in data.items()] == [1, 10, 2]
    assert labels(tmp_path, 1000) == [1, 10, 2]
    with pytest.raises(DataError, match="10 outputs, labels of the data set go up to 10"):
        labels(tmp_path, 10)


def test_numbers_without_a_gap_are_all_the_classes_there_are(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / str(number) / "a.png")
    assert labels(tmp_path, 3) == [0, 1, 2]
    with pytest.raises(DataError, match="1000 outputs, the data set 3 classes"):
        labels(tmp_path, 1000)


@pytest.mark.parametrize(
    ("name", "text", "outputs", "expected"),
    [
        ("labels.txt", "a.png 65\nsub/b.png 3\n", 1000, [65, 3]),
        ("val.txt", "a.png\t1\nsub/b.png\t0\n", 2, [1, 0]),
        ("labels.csv", "file,label\na.png,n01751748\nsub/b.png,n01440764\n", 1000, [65, 0]),
        ("labels.txt", "# a note\na.png 4 5\nsub/b.png 7\n", 1000, [[4, 5], [7, -1]]),
        ("LOC_val_solution.csv", "ImageId,Prediction\na,n01751748 85 1 499 272\nb,n01440764 1 2 3 4\n", 1000, [65, 0]),
        (KIT, "490\n361\n", 1000, [65, 970]),
        ("imagenet_2012_validation_synset_labels.txt", "n01751748\nn01440764\n", 1001, [66, 1]),
    ],
)  # fmt: skip
def test_files_of_labels(tmp_path: Path, name: str, text: str, outputs: int, expected: list[int]) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "sub" / "b.png")
    (tmp_path / name).write_text(text)
    assert labels(tmp_path, outputs) == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.txt", "a.png 1\nc.png 2\n", "labels 1 images that are not there, the first is c.png"),
        ("labels.txt", "", "labels no image"),
        ("labels.txt", "a.png 1\nb.png n01440764\n", "is no class"),
        ("labels.txt", "head x\na.png cat\n", "'cat' is no class"),
        (KIT, "1\n", "has 1 labels, its folder 2 images"),
        (KIT, "0\n1001\n", "is no class"),
    ],
)
def test_a_file_of_labels_that_does_not_fit_says_so(tmp_path: Path, name: str, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset("folder", tmp_path)


def test_images_without_labels_are_counted(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    with pytest.raises(DataError, match="1 images but nothing that labels them"):
        open_dataset("folder", tmp_path)


def test_parts_of_a_set_are_named_in_its_labels(tmp_path: Path) -> None:
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    (tmp_path / "labels.txt").write_text("# part one\na.png 1\nb.png 2\n# part two\nc.png 3\n")
    assert open_dataset("folder", tmp_path).parts == [("one", 2), ("two", 1)]


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    image.save(tmp_path / "cut.png")
    assert read_image(tmp_path / "cut.png").tolist() == [[[255, 255, 255], [10, 20, 30]]]


def test_any_of_several_labels_is_right_and_none_fills_up() -> None:
    outputs = np.array([[0, 3, 1, 2], [9, 1, 0, 0], [0, 0, 0, 1]], np.float32)
    several = label_array([(3, 1), 2, 3])
    assert several.tolist() == [[3, 1], [2, -1], [3, -1]]
    assert output_quality.hits(outputs, several).tolist() == [True, False, True]
    assert output_quality.hits(outputs, several, k=3).tolist() == [True, True, True]
    assert output_quality.discordant(np.array([True, True, False]), np.array([True, False, True])) == (1, 1)


def test_labels_of_no_image_are_no_class_either() -> None:
    assert LabelMapping(2, imagenet=(7, 9)).fit(np.array([[1, -1]]), 1000).tolist() == [[9, -1]]
