"""Scales of integer inputs and outputs: written into a model's metadata and read again."""

from __future__ import annotations

import numpy as np
import pytest

from harness.runtimes import inputs
from harness.runtimes.base import SessionError, TensorSpec


@pytest.mark.parametrize("scale", [0.1, 1 / 255, 3.4e-7])
def test_what_is_written_is_read_back(scale: float) -> None:
    metadata = {inputs.key("x"): inputs.with_quantization(scale, 128)}
    assert inputs.read_quantization(metadata, "x") == (scale, 128)
    assert inputs.read_quantization(metadata, "y") == (None, 0)


def test_integers_become_what_they_stand_for() -> None:
    stored = np.array([0, 128, 255], np.uint8)
    np.testing.assert_allclose(inputs.dequantize(stored, 0.5, 128), [-64, 0, 63.5])
    assert inputs.dequantize(stored, None, 0) is stored


def test_fractions_are_not_cut_off_for_an_integer_input_without_scale() -> None:
    spec = TensorSpec("x", (1, 2), "uint8")
    assert spec.encode(np.array([[3.0, 255.0]], np.float32)).tolist() == [[3, 255]]
    with pytest.raises(SessionError, match="takes uint8 and has no scale"):
        spec.encode(np.array([[0.2, 0.9]], np.float32))
