"""Preprocessing pixel by pixel: which channel, row and column a number comes from, and what it is made into."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from harness.core.artifact import Preprocess
from harness.core.quantity import Value
from harness.datasets.preprocessing import PRESETS, preprocess
from harness.stats import output_quality

COLOUR = (255, 128, 0)
COUNTED = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
PLAIN = Preprocess(scale=1.0)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("unit", (1.0, 128 / 255, 0.0)),
        ("raw", (255.0, 128.0, 0.0)),
        ("imagenet", ((1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (0 - 0.406) / 0.225)),
        ("inception", (1.0, 0.5 / 127.5, -1.0)),
        ("efficientnet-lite", (1.0, 1 / 128, -127 / 128)),
    ],
)
def test_a_preset_makes_of_red_green_and_blue_what_its_net_was_trained_with(
    preset: str, expected: tuple[float, ...]
) -> None:
    image = np.full((256, 256, 3), COLOUR, np.uint8)
    out = preprocess(image, PRESETS[preset])
    edge = 224 if PRESETS[preset].crop else 256
    assert out.shape == (3, edge, edge)
    np.testing.assert_allclose(out[:, 100, 50], expected, rtol=1e-5)


def test_channels_first_and_last_hold_the_same_rows_and_columns() -> None:
    first, last = (preprocess(COUNTED, Preprocess(scale=1.0, layout=layout)) for layout in ("NCHW", "NHWC"))
    np.testing.assert_array_equal(last, COUNTED)
    np.testing.assert_array_equal(first, np.moveaxis(COUNTED, 2, 0))
    assert first.flags.c_contiguous


def test_a_crop_is_the_middle() -> None:
    out = preprocess(COUNTED, Preprocess(scale=1.0, crop=4, layout="NHWC"))
    np.testing.assert_array_equal(out, COUNTED[3:7, 2:6])


@pytest.mark.parametrize(("shape", "resized"), [((80, 40), (40, 20)), ((40, 80), (20, 40)), ((40, 40), (20, 20))])
def test_the_shorter_side_is_resized_and_the_longer_keeps_the_ratio(
    shape: tuple[int, int], resized: tuple[int, int]
) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    image[: shape[0] // 2] = 200  # the upper half
    out = preprocess(image, Preprocess(scale=1.0, resize=20, layout="NHWC"))
    assert out.shape[:2] == resized
    assert (out[: resized[0] // 4] == 200).all()
    assert (out[-resized[0] // 4 :] == 0).all()


def test_resizing_is_pillows_bicubic() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    expected = np.asarray(Image.fromarray(noise).resize((28, 20), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(preprocess(noise, Preprocess(scale=1.0, resize=20, layout="NHWC")), expected)


@pytest.mark.parametrize(("colour", "grey"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29), ((9, 9, 9), 9)])
def test_grey_is_the_luma_of_bt_601(colour: tuple[int, int, int], grey: int) -> None:
    image = np.full((2, 3, 3), colour, np.uint8)
    assert preprocess(image, Preprocess(channels=1, scale=1.0)).tolist() == [[[grey] * 3] * 2]
    assert np.asarray(Image.fromarray(image).convert("L"))[0, 0] == grey


def test_a_grey_image_is_the_same_in_all_three_channels() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(preprocess(image, PLAIN), np.repeat(image.transpose(2, 0, 1), 3, axis=0))


OUTPUTS = np.array([[3, 1, 2], [0, 5, 1], [1, 1, 0], [0, 2, 9]], np.float32)


def test_equal_outputs_rank_by_class_as_in_argmax() -> None:
    assert output_quality.hits(OUTPUTS, np.array([0, 1, 0, 2])).tolist() == [True] * 4
    assert output_quality.hits(OUTPUTS, np.array([2, 2, 1, 1])).tolist() == [False] * 4
    assert output_quality.hits(OUTPUTS, np.array([2, 2, 1, 1]), k=2).tolist() == [True] * 4


def test_agreement_is_of_images() -> None:
    other = OUTPUTS[:, ::-1].copy()
    other[[1, 3]] = OUTPUTS[[1, 3]]
    found = output_quality.agreement(other, OUTPUTS)
    assert isinstance(found, Value)
    assert (found.value, found.n) == (0.5, 4)


def test_which_of_two_nets_is_right_alone() -> None:
    first, second = np.array([True, True, True, False, False]), np.array([False, False, True, True, False])
    assert output_quality.discordant(first, second) == (2, 1)
