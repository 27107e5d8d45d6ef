"""The scale of integer inputs and outputs of an .onnx, which the format has no place for: kept in its metadata.

Real value = (stored - zero point) * scale, as QuantizeLinear has it. Under `scale:NAME` stands 'SCALE ZERO_POINT'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def key(name: str) -> str:
    """The metadata key for the input or output `name`."""
    return f"scale:{name}"


def written(scale: float, zero_point: int) -> str:
    """The value under the key, such that `read` gives back the same numbers."""
    return f"{scale!r} {zero_point}"


def read(metadata: Mapping[str, str], name: str) -> tuple[float | None, int]:
    """Scale and zero point of an input or output; (None, 0) for one that says nothing."""
    scale, _, zero_point = metadata.get(key(name), "").partition(" ")
    return (float(scale), int(zero_point)) if scale else (None, 0)


def decoded(stored: NDArray[Any], scale: float | None, zero_point: int) -> NDArray[Any]:
    """The float32 that integers of that scale stand for; without a scale the array as it is."""
    return stored if scale is None else (stored.astype(np.float32) - zero_point) * np.float32(scale)
