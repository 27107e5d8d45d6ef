"""A graph's inputs from its signature alone: shapes, and the scale of integer ones.

An .onnx has no field for the scale of its integer inputs and outputs, so it stands in the metadata: under `scale:NAME`
the text 'SCALE ZERO_POINT', with real value = (stored - zero point) * scale as in QuantizeLinear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import InputError, Options, ShapeError, TensorSpec

BATCH = re.compile(r"batch|^n$|(^|_)(b|bs)($|_)", re.IGNORECASE)
LENGTH = re.compile(
    r"sample|time|frame|len|seq|step|token|word|char|sound|audio|wave|signal|point|node|edge|past|num|count|height|width",
    re.IGNORECASE,
)
"""Names of dimensions that are a batch, and of those that are not."""
UNNAMED = re.compile(r"unk__|\?$|dynamic_axes|^s\d+$|^dim_?\d*$|^none$", re.IGNORECASE)
"""Names that exporters give to a dimension that nobody named."""

Shape = tuple[int, ...]


def concrete_shape(spec: TensorSpec, options: Options) -> Shape:
    """Return the tensor's shape with a size for every dynamic dimension; the first one takes the batch.

    A dimension of 0 is a size: the cache of a decoder is empty at its first step.

    Raises:
        InputError: A dimension has no size, or the batch, the given shape or the given array does not fit the graph.
    """
    declared = sized(spec, options)
    if spec.name in options.shapes:
        return tuple(int(size) for size in declared)
    sizes: list[int] = []
    for axis, size in enumerate(declared):
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


def sized(spec: TensorSpec, options: Options) -> tuple[int | str, ...]:
    """Return the tensor's shape with the sizes that the user gave for its dynamic dimensions.

    They are those of --shape, else those of the array of --inputs, of which a first dimension that is a batch stays
    dynamic.

    Raises:
        InputError: The given shape or array does not fit the graph.
    """
    if spec.name in options.shapes:
        return _given_shape(spec, options.shapes[spec.name])
    if not options.given:
        return spec.shape
    if (given := options.given.get(spec.name, options.given.get(ONLY))) is None:
        raise InputError(
            f"--inputs has no array for input '{spec.name}'; it holds {', '.join(sorted(options.given))}",
            "the file needs one array for each input of the model, called as the input",
        )
    return _of_array(spec, given)


ONLY = ""
"""The name of the array of a file that holds one array without a name: that of the model's only input."""


def _of_array(spec: TensorSpec, given: Shape) -> tuple[int | str, ...]:
    """Return the tensor's shape with the sizes of an array that holds one input, or several as its first dimension."""
    rank = len(spec.shape)
    one = given[1:] if len(given) == rank + 1 else given
    if len(one) != rank or not fits(spec.shape[1:], one[1:]):
        raise InputError(
            f"the array for input '{spec.name}' {list(spec.shape)} is {list(given)}",
            f"give {list(spec.shape)} for one input, or that behind a first dimension for several",
        )
    if not rank or is_fixed(spec.shape[0]):
        return (*spec.shape[:1], *one[1:])
    whole = len(given) > rank or not _may_be_batch(spec)
    return one if whole else (spec.shape[0], *one[1:])


def _may_be_batch(spec: TensorSpec) -> bool:
    """Return whether a dynamic first dimension may hold samples, by its name; a line of numbers is one input."""
    name = spec.shape[0] if isinstance(spec.shape[0], str) else ""
    if BATCH.search(name):
        return True
    return len(spec.shape) > 1 and (not LENGTH.search(name) or bool(UNNAMED.search(name)))


def fits(declared: tuple[int | str, ...], given: Shape) -> bool:
    """Return whether a shape has the fixed dimensions of a declared one."""
    return len(given) == len(declared) and all(
        want == have for have, want in zip(declared, given, strict=True) if is_fixed(have)
    )


def is_fixed(size: int | str) -> bool:
    """Return whether a dimension of a `TensorSpec` has a size; a name or -1 is dynamic."""
    return isinstance(size, int) and size >= 0


def _given_shape(spec: TensorSpec, shape: Shape) -> Shape:
    """Return the user's shape, checked against the fixed dimensions."""
    if not fits(spec.shape, shape):
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
