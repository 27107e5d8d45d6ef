from __future__ import annotations

import hashlib

import numpy as np
import pytest

from suites.skeletons.weights import PEAK, encode, integers, short_scale

DENSE, DEPTHWISE, FULLY_CONNECTED = (32, 24, 3, 3), (24, 1, 3, 3), (10, 48)


def test_the_stream_is_the_one_the_shipped_hashes_were_made_with() -> None:
    drawn = integers(7, 3, DENSE)
    assert drawn.dtype == np.int8
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "e3fc5eec315e61a9"


@pytest.mark.parametrize("shape", [DENSE, DEPTHWISE, FULLY_CONNECTED, (1, 1, 1, 1)])
def test_every_output_channel_reaches_the_peak_and_none_exceeds_it(shape: tuple[int, ...]) -> None:
    rows = np.abs(integers(0, 0, shape).reshape(shape[0], -1).astype(int))
    assert (rows.max(axis=1) == PEAK).all()


def test_dense_channels_sum_to_about_zero() -> None:
    rows = integers(0, 0, (64, 256, 1, 1)).reshape(64, 256).astype(int)
    # Half a step a weight from rounding the mean, and what raising one weight to the peak and clipping add.
    assert np.abs(rows.sum(axis=1)).max() < 256 / 2 + PEAK


def test_tensors_and_seeds_have_streams_of_their_own() -> None:
    first = integers(0, 0, DENSE)
    assert not np.array_equal(first, integers(0, 1, DENSE))
    assert not np.array_equal(first, integers(1, 0, DENSE))
    assert np.array_equal(first, integers(0, 0, DENSE))


@pytest.mark.parametrize("shape", [DENSE, DEPTHWISE, FULLY_CONNECTED])
def test_symmetric_quantisation_per_channel_gives_the_integers_back(shape: tuple[int, ...]) -> None:
    drawn = integers(5, 0, shape)
    stored = encode(drawn, "float32", short_scale(0.01234), range(len(shape)))
    weights = np.frombuffer(stored, "<f4").reshape(shape[0], -1)
    scales = np.abs(weights).max(axis=1, keepdims=True) / np.float32(PEAK)
    assert np.array_equal(np.rint(weights / scales), drawn.reshape(shape[0], -1))
    assert len(np.unique(scales)) == 1


@pytest.mark.parametrize("value", [1e-6, 0.0371, 1.0, 3.9999, 1e5])
def test_a_short_scale_is_near_and_its_products_exact(value: float) -> None:
    scale = short_scale(value)
    assert scale == pytest.approx(value, rel=2**-8)
    steps = np.arange(-PEAK, PEAK + 1)
    assert np.array_equal((steps.astype(np.float32) * np.float32(scale)).astype(np.float64), steps * scale)


def test_axes_are_put_in_the_order_of_the_format() -> None:
    drawn = integers(0, 0, DENSE)
    stored = np.frombuffer(encode(drawn, "int8", 1.0, (0, 2, 3, 1)), np.int8).reshape(32, 3, 3, 24)
    assert np.array_equal(stored[:, :, :, 5], drawn[:, 5])


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="float16"):
        encode(integers(0, 0, FULLY_CONNECTED), "float16", 1.0, (0, 1))
