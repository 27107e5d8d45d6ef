"""Pictures of a user's own: what their pixels become, which cannot be read, and which part of a set is scored."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import DataError
from harness.datasets.dataset import open_dataset, open_folder
from harness.datasets.image_folders import ImageFiles
from harness.datasets.manifest import Manifest, checked
from harness.datasets.pictures import MAX_PIXELS, check_images, read_image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(path: Path, shade: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), shade).save(path)
    return path


def shades(data: ImageFiles) -> list[tuple[int, object]]:
    return [(int(image[0, 0, 0]), label) for image, label in data.items()]


def found(data: ImageFiles) -> dict[str, str]:
    """What was found about a data set, by the name of the check."""
    return {finding.check: finding.found for finding in data.findings}


# Pixels


def grey16(path: Path) -> None:
    Image.fromarray(np.array([[0, 13000, 52000, 65535]], np.uint16)).save(path)


def pgm16(path: Path) -> None:
    path.write_bytes(b"P5 4 1 65535\n" + np.array([0, 13000, 52000, 65535], ">u2").tobytes())


def pgm10(path: Path) -> None:
    path.write_bytes(b"P5 4 1 1023\n" + np.array([0, 203, 812, 1023], ">u2").tobytes())


def ppm16(path: Path) -> None:
    colours = np.repeat(np.array([[0, 13000, 52000, 65535]], ">u2"), 3)
    path.write_bytes(b"P6 4 1 65535\n" + colours.tobytes())


def bits(path: Path) -> None:
    Image.fromarray(np.array([[False, True]])).save(path)


def palette(path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([200, 10, 20, 3, 4, 5])
    image.putpixel((1, 0), 1)
    image.save(path)


def grey_alpha(path: Path) -> None:
    image = Image.new("LA", (2, 1), (10, 0))
    image.putpixel((1, 0), (10, 255))
    image.save(path)


def clear_palette(path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 3, 4, 5])
    image.putpixel((1, 0), 1)
    image.save(path, transparency=0)


def clear_grey16(path: Path) -> None:
    Image.fromarray(np.array([[500, 52000]], np.uint16)).save(path, transparency=500)


def cmyk(path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(path, quality=100)


@pytest.mark.parametrize(
    ("name", "write", "expected"),
    [
        ("grey16.png", grey16, [[0] * 3, [50] * 3, [203] * 3, [255] * 3]),
        ("grey16.pgm", pgm16, [[0] * 3, [50] * 3, [203] * 3, [255] * 3]),
        ("grey10.pgm", pgm10, [[0] * 3, [50] * 3, [203] * 3, [255] * 3]),
        ("colour16.ppm", ppm16, [[0] * 3, [51] * 3, [202] * 3, [255] * 3]),
        ("bits.png", bits, [[0] * 3, [255] * 3]),
        ("palette.png", palette, [[200, 10, 20], [3, 4, 5]]),
        ("palette.gif", palette, [[200, 10, 20], [3, 4, 5]]),
        ("alpha.png", grey_alpha, [[255] * 3, [10] * 3]),
        ("clear.png", clear_palette, [[255] * 3, [3, 4, 5]]),
        ("clear16.png", clear_grey16, [[255] * 3, [203] * 3]),
        ("cmyk.jpg", cmyk, [[255, 0, 0]] * 8),
    ],
)
def test_every_pixel_mode_has_its_rule(
    tmp_path: Path, name: str, write: Callable[[Path], None], expected: list[list[int]]
) -> None:
    write(tmp_path / name)
    assert read_image(tmp_path / name)[0].tolist() == expected
    assert check_images([tmp_path / name])[0].unreadable == ""


def floats(path: Path) -> None:
    path.write_bytes(b"Pf 2 1 -1.0\n" + np.array([0.5, 3.0], "<f4").tobytes())


def tiff(path: Path) -> None:
    Image.new("L", (4, 4)).save(path, format="TIFF")


def bomb(path: Path) -> None:
    edge = int(MAX_PIXELS**0.5) + 1
    path.write_bytes(f"P5 {edge} {edge} 255\n".encode())


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (floats, "pixels of mode F have no defined white"),
        (tiff, "it is none of JPEG, PNG, BMP, WEBP, GIF, PPM"),
        (bomb, "a decompression bomb"),
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (os.mkfifo, "it is not a regular file"),
        (lambda path: path.write_bytes(picture(path).read_bytes()[:45]), "truncated"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, write: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "a.png"
    write(path)
    assert reason in check_images([path])[0].unreadable
    with pytest.raises(DataError, match="cannot be read as an image") as raised:
        read_image(path)
    assert reason in raised.value.message


def test_an_orientation_in_exif_is_ignored_and_counted(tmp_path: Path) -> None:
    for name, orientation in (("a", 3), ("b", 1), ("c", 6)):
        path = picture(tmp_path / name / "1.jpg")
        tag = Image.Exif()
        tag[0x112] = orientation
        image = Image.new("RGB", (8, 4))
        image.save(path, exif=tag)
        assert read_image(path).shape == (4, 8, 3)
    assert found(checked(open_folder(tmp_path)))["exif_orientation"].startswith("2 of 3 images")


def test_pictures_that_cannot_be_read_are_named_and_the_others_are_scored(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(3):
            picture(tmp_path / name / f"{number}.png", number)
    (tmp_path / "cat" / "1.png").write_bytes(b"")
    images = checked(open_folder(tmp_path))
    assert shades(images) == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)]
    assert "1 of 6 images cannot be read" in found(images)["unreadable_images"]
    assert "cat/1.png: the file is empty" in found(images)["unreadable_images"]
    again = Manifest.read(images.write())
    assert (again.files, again.label_mapping, again.findings) == (images.files, images.label_mapping, images.findings)


def test_a_set_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        picture(tmp_path / name / "1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="2 of 2 images cannot be read"):
        checked(open_folder(tmp_path))


def test_a_picture_that_breaks_later_is_noted_and_left_out(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        picture(tmp_path / name / "1.png")
    dataset = open_dataset("manifest", checked(open_folder(tmp_path)).write())
    (tmp_path / "cat" / "1.png").write_bytes(b"no image")
    assert [place for place, _, _ in dataset.select([0, 1])] == [1]
    assert list(dataset.unreadable) == [tmp_path / "cat" / "1.png"]


def test_files_of_other_kinds_are_counted(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "1.png")
    picture(tmp_path / "dog" / "1.png")
    for name in ("2.tif", "3.tif", "4.heic", "5"):
        (tmp_path / "dog" / name).write_bytes(b"")
    (tmp_path / "dog" / "notes.txt").write_text("")
    assert found(open_folder(tmp_path)) == {
        "skipped_images": "4 files of kinds that are not read: 1 .heic, 2 .tif, 1 no suffix"
    }


def test_a_set_of_other_kinds_alone_says_so(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.tif").write_bytes(b"")
    with pytest.raises(DataError, match=r"no images below .*; 2 files of kinds that are not read: 2 \.tif"):
        open_folder(tmp_path)


# Splits


@pytest.mark.parametrize(
    ("splits", "scored"),
    [
        (("train", "val", "test"), "val"),
        (("train", "test"), "test"),
        (("train", "valid", "test"), "valid"),
        (("training", "validation"), "validation"),
        (("Train", "Test"), "Test"),
        (("train2017", "val2017"), "val2017"),
        (("training_set", "test_set"), "test_set"),
        (("seg_train", "seg_test"), "seg_test"),
        (("test",), "test"),
        (("train", "test", "annotations"), "test"),
    ],
)
def test_the_held_out_part_is_scored_and_named(tmp_path: Path, splits: tuple[str, ...], scored: str) -> None:
    for number, split in enumerate(splits):
        for name in ("ant", "bee"):
            picture(tmp_path / split / name / "1.png", 10 * number)
    data = open_folder(tmp_path)
    assert shades(data) == [(10 * splits.index(scored), 0), (10 * splits.index(scored), 1)]
    assert found(data)["split"].endswith(f"the images in {scored} are scored")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (("train",), "holds training images alone: train"),
        (("train", "val", "valid"), "several parts for validation: val, valid"),
    ],
)
def test_where_a_split_leaves_open_what_is_meant_it_is_asked_for(
    tmp_path: Path, splits: tuple[str, ...], message: str
) -> None:
    for split in splits:
        for name in ("ant", "bee"):
            picture(tmp_path / split / name / "1.png")
    with pytest.raises(DataError, match=message) as raised:
        open_folder(tmp_path)
    assert f"--data {tmp_path}/" in raised.value.remedy


@pytest.mark.parametrize("names", [("bus", "train"), ("bus", "car", "test"), ("test_a", "test_b")])
def test_classes_that_are_called_like_splits_stay_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        picture(tmp_path / name / "1.png")
    assert open_folder(tmp_path).label_mapping.classes == len(names)


def test_classes_that_are_split_themselves_give_their_held_out_part(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        for shade, split in enumerate(("test", "train")):
            picture(tmp_path / name / split / "1.png", shade)
    data = open_folder(tmp_path)
    assert shades(data) == [(0, 0), (0, 1)]
    assert found(data)["split"].endswith("the images in test are scored")


def test_labels_within_the_held_out_part_are_read(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "ant" / "1.png")
    for number in range(2):
        picture(tmp_path / "test" / f"{number}.png", number)
    (tmp_path / "test" / "labels.csv").write_text("0.png,1\n1.png,0\n")
    assert shades(open_folder(tmp_path)) == [(0, 1), (1, 0)]


def test_one_folder_is_no_set_of_classes(tmp_path: Path) -> None:
    picture(tmp_path / "photos" / "cat" / "1.png")
    picture(tmp_path / "photos" / "dog" / "1.png")
    with pytest.raises(DataError, match="one sub-folder, photos") as raised:
        open_folder(tmp_path)
    assert raised.value.remedy.endswith(f"--data {tmp_path}/photos")
