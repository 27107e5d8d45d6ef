"""Data sets, preprocessing and scores against small cases worked out by hand."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.core.artifact import Preprocess
from harness.core.errors import DataError, UsageError
from harness.core.quantity import Missing, Value
from harness.datasets.dataset import IdxImages, open_dataset
from harness.datasets.image_folders import ClassFolders
from harness.datasets.pictures import read_image
from harness.datasets.preprocessing import PRESETS, describe, parse, preprocess
from harness.stats import output_quality


def write_idx(folder: Path, images: np.ndarray, labels: list[int]) -> None:
    header = struct.pack(">IIII", 0x803, *images.shape)
    (folder / "t-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
    header = struct.pack(">II", 0x801, len(labels))
    (folder / "t-labels-idx1-ubyte.gz").write_bytes(gzip.compress(header + bytes(labels)))


def test_idx_images_come_with_their_labels(tmp_path: Path) -> None:
    images = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    write_idx(tmp_path, images, [2, 0, 1])
    data = open_dataset("idx", tmp_path)
    assert (len(data), data.label_mapping.classes) == (3, 3)
    (image, label), *rest = data.items(2)
    assert label == 2
    assert (image[:, :, 0] == images[0]).all()
    assert len(rest) == 1


def test_idx_files_that_disagree_are_refused(tmp_path: Path) -> None:
    write_idx(tmp_path, np.zeros((2, 4, 4), np.uint8), [0, 1, 2])
    with pytest.raises(DataError, match="3 images"):
        next(IdxImages(tmp_path).items())


def test_classes_are_folders_and_come_in_turn(tmp_path: Path) -> None:
    for name, count in (("cat", 2), ("ant", 1)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (6, 4), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    data = ClassFolders(tmp_path)
    assert data.names == ["ant", "cat"]
    assert [label for _, label in data.items()] == [0, 1, 1]
    assert next(data.items())[0].shape == (4, 6, 3)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="no images"):
        ClassFolders(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        open_dataset("folder", tmp_path / "none")


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "bad.png").write_text("not an image")
    with pytest.raises(DataError, match=r"bad\.png cannot be read as an image: it is none of JPEG, PNG"):
        read_image(tmp_path / "cat" / "bad.png")


def test_preprocess_pads_then_scales_and_puts_channels_first() -> None:
    image = np.full((28, 28, 1), 255, np.uint8)
    out = preprocess(image, Preprocess(channels=1, pad=2, mean=(0.5,), std=(0.25,)))
    assert out.shape == (1, 32, 32)
    assert out[0, 0, 0] == -2
    assert out[0, 16, 16] == 2


def test_preprocess_resizes_the_shorter_side_and_crops_the_middle() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 30:50] = 200
    out = preprocess(image, Preprocess(resize=20, crop=10, scale=1.0, layout="NHWC"))
    assert out.shape == (10, 10, 3)
    assert out.mean() > 190


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UsageError, match="resize="):
        preprocess(np.zeros((8, 8, 3), np.uint8), Preprocess(crop=10))


def test_preprocessing_is_parsed_from_presets_and_settings() -> None:
    assert parse("imagenet", "NCHW", 3) == PRESETS["imagenet"]
    how = parse("mean=0.5:0.4:0.3,std=2,resize=40", "NHWC", 3)
    assert (how.mean, how.std, how.resize, how.layout) == ((0.5, 0.4, 0.3), (2.0,), 40, "NHWC")


@pytest.mark.parametrize("text", ["imgnet", "unit,size=3", "unit,resize=big"])
def test_unknown_preprocessing_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text, "NCHW", 3)


OUTPUTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.4, 0.1], [0.2, 0.3, 0.5]], np.float32)


def test_top_k_counts_labels_among_the_best() -> None:
    labels = np.array([1, 1, 0])
    top1, top2 = output_quality.accuracy(OUTPUTS, labels, 1), output_quality.accuracy(OUTPUTS, labels, 2)
    assert isinstance(top1, Value)
    assert isinstance(top2, Value)
    assert (top1.value, top2.value, top1.n) == (1 / 3, 2 / 3, 3)
    assert top1.lo is not None
    assert top1.lo < 1 / 3 < (top1.hi or 0)


def test_top_5_of_three_classes_says_nothing() -> None:
    assert isinstance(output_quality.accuracy(OUTPUTS, np.array([0, 0, 0]), 5), Missing)


def test_outputs_that_are_not_numbers_give_no_accuracy() -> None:
    broken = OUTPUTS.copy()
    broken[1, 0] = np.nan
    assert output_quality.accuracy(broken, np.array([1, 0, 2]), 1) == Missing("1 of 3 outputs are not finite")


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.integers(0, 2), min_size=n, max_size=n)))
def test_top_1_agrees_with_argmax(labels: list[int]) -> None:
    outputs = np.random.default_rng(len(labels)).integers(0, 3, (len(labels), 3)).astype(np.float32)
    value = output_quality.accuracy(outputs, np.array(labels), 1)
    assert isinstance(value, Value)
    assert value.value == (outputs.argmax(1) == labels).mean()


def test_sqnr_of_one_percent_noise_is_40_db() -> None:
    found = output_quality.sqnr_db(OUTPUTS * np.float32(1.01), OUTPUTS)
    assert isinstance(found, Value)
    assert found.value == pytest.approx(40, abs=0.01)


def test_equal_outputs_have_no_noise_to_compare() -> None:
    assert isinstance(output_quality.sqnr_db(OUTPUTS, OUTPUTS), Missing)
    agreed = output_quality.agreement(OUTPUTS, OUTPUTS)
    assert isinstance(agreed, Value)
    assert agreed.value == 1


@pytest.mark.parametrize(
    ("settings", "formula"),
    [
        ("unit", "x / 255"),
        ("inception", "(x - 127.5) / 127.5"),
        ("scale=1", "x"),
        ("scale=1,std=2", "x / 2"),
        ("imagenet", "(x / 255 - 0.485:0.456:0.406) / 0.229:0.224:0.225"),
    ],
)
def test_preprocessing_is_described_by_the_steps_that_change_a_pixel(settings: str, formula: str) -> None:
    assert describe(parse(settings, "NCHW", 3)).split(", ")[-2] == formula
