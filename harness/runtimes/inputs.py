"""A graph's inputs from its signature alone: shapes, synthetic contents, and the scale of integer ones.

An .onnx has no field for the scale of its integer inputs and outputs, so it stands in the metadata: under `scale:NAME`
the text 'SCALE ZERO_POINT', with real value = (stored - zero point) * scale as in QuantizeLinear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Options, SessionError, ShapeError, TensorSpec


def synthetic_input(spec: TensorSpec, options: Options, rng: np.random.Generator) -> NDArray[Any]:
    """Generate a seeded input from a tensor's signature: floats uniform in [0, 1), bytes over their whole range.

    Other integers (token ids, indices) are 0 or 1: within any table's bounds. A first dynamic dimension is the batch.
    """
    shape = concrete_shape(spec, options)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return rng.random(shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype.itemsize == 1:
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    if dtype.kind in "iu":
        return rng.integers(0, 2, shape).astype(dtype)
    raise SessionError(
        f"input '{spec.name}' has type {spec.dtype}, of which no synthetic values can be made",
        "export the model without the step that takes it, so that its inputs are numeric tensors",
    )


def concrete_shape(spec: TensorSpec, options: Options) -> tuple[int, ...]:
    """Return the tensor's shape with a size for every dynamic dimension; the first one takes the batch.

    A dimension of 0 is a size: the cache of a decoder is empty at its first step.

    Raises:
        ShapeError: A dimension has no size, or the batch or the given shape does not fit the graph.
    """
    if spec.name in options.shapes:
        return _given_shape(spec, options.shapes[spec.name])
    sizes: list[int] = []
    for axis, size in enumerate(spec.shape):
        if is_fixed(size):
            if axis == 0 and options.batch not in (1, size) and not options.fixed_batch:
                raise ShapeError(
                    f"input '{spec.name}' {list(spec.shape)} has a fixed first dimension of {size}: no batch of "
                    f"{options.batch}",
                    "leave --batch out, and give the shapes of the inputs that have a batch: "
                    f"--shape NAME={options.batch}x...",
                )
            sizes.append(int(size))
        elif axis == 0:
            sizes.append(options.batch)
        else:
            raise ShapeError(
                f"dimension {axis} of input '{spec.name}' {list(spec.shape)} is dynamic",
                f"give the shape, such as --shape {spec.name}={'x'.join(map(str, example_shape(spec)))}",
            )
    return tuple(sizes)


def is_fixed(size: int | str) -> bool:
    """Return whether a dimension of a `TensorSpec` has a size; a name or -1 is dynamic."""
    return isinstance(size, int) and size >= 0


def _given_shape(spec: TensorSpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the user's shape, checked against the fixed dimensions."""
    fits = len(shape) == len(spec.shape) and all(
        want == have for have, want in zip(spec.shape, shape, strict=True) if is_fixed(have)
    )
    if not fits:
        raise ShapeError(
            f"--shape {spec.name}={'x'.join(map(str, shape))} does not fit the graph's {list(spec.shape)}",
            f"such as --shape {spec.name}={'x'.join(map(str, example_shape(spec)))}",
        )
    return shape


def example_shape(spec: TensorSpec) -> list[int]:
    """Return a shape to show in advice: known sizes, 1 for the batch, 224 for the rest."""
    return [int(size) if is_fixed(size) else (224 if axis else 1) for axis, size in enumerate(spec.shape)]


def key(name: str) -> str:
    """Return the metadata key of the input or output `name`."""
    return f"scale:{name}"


def with_quantization(scale: float, zero_point: int) -> str:
    """Return the metadata value from which `read_quantization` reads the same numbers."""
    return f"{scale!r} {zero_point}"


def read_quantization(metadata: Mapping[str, str], name: str) -> tuple[float | None, int]:
    """Return scale and zero point of an input or output; (None, 0) where the metadata has none."""
    scale, _, zero_point = metadata.get(key(name), "").partition(" ")
    return (float(scale), int(zero_point)) if scale else (None, 0)


def dequantize(stored: NDArray[Any], scale: float | None, zero_point: int) -> NDArray[Any]:
    """Return the float32 values that integers of that scale stand for; without a scale the array as it is."""
    return stored if scale is None else (stored.astype(np.float32) - zero_point) * np.float32(scale)
