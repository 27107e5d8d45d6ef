"""The protocols between the timed loop and a runtime library."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing

Batch = Mapping[str, NDArray[Any]]
Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """One input of a graph. A dynamic dimension is its name (str) or -1; `dtype` is a NumPy name.

    A quantised input has `scale`: real value = (stored - zero_point) * scale.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def encode(self, array: NDArray[Any]) -> NDArray[Any]:
        """A float array as this input wants it: quantised when the input is, else cast."""
        dtype = np.dtype(self.dtype)
        if self.scale is None or dtype.kind not in "iu":
            return array.astype(dtype, copy=False)
        limits = np.iinfo(dtype)
        steps = np.rint(array / self.scale) + self.zero_point
        stored: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(dtype)
        return stored


@dataclass(frozen=True)
class Options:
    """How a session is opened: intra-op threads, batch size, full shapes for inputs with dynamic dimensions."""

    threads: int = 1
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Support:
    """Yes, or no with the reason."""

    ok: bool
    reason: str = ""


class SessionError(Exception):
    """A model this runtime cannot run (operator, type, shape): the case is `unsupported`, not `crashed`."""


class Session(Protocol):
    """A loaded model. The loop calls prepare (untimed), infer (timed), fetch (untimed)."""

    inputs: tuple[TensorSpec, ...]

    def prepare(self, batch: Batch) -> None:
        """Copy a batch into the input tensors, which stay where they are for the session's life."""
        ...

    def infer(self) -> None:
        """Run once on what was prepared; returns when the outputs are complete."""
        ...

    def fetch(self) -> Outputs:
        """Copy the outputs of the last infer out, by name."""
        ...

    def info(self) -> dict[str, Any]:
        """What the library says of itself and of this session: version, provider, threads, delegated nodes."""
        ...

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Run `n` times more on what was prepared, with the library's own profiler on, in a session apart."""
        ...


class Runtime(Protocol):
    """A runtime library with one execution provider. Everything but `open` works without importing the library."""

    name: str
    module: str
    formats: frozenset[str]

    def support(self, suffix: str) -> Support:
        """Can this machine run a model file with this suffix ('onnx', 'tflite') here?"""
        ...

    def load_library(self) -> None:
        """Import the library; the worker times this apart from `open`."""
        ...

    def open(self, path: Path, options: Options) -> Session:
        """Load a model. Raises SessionError when the runtime refuses it."""
        ...


def library_support(module: str, formats: frozenset[str], suffix: str, remedy: str) -> Support:
    """Shared first test of `Runtime.support`: format known, library installed (looked up, not imported)."""
    if suffix not in formats:
        return Support(False, f"takes {' or '.join(sorted(formats))}, not {suffix}")
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    return Support(True) if found else Support(False, f"{module} is not installed: {remedy}")


def synthesise(spec: TensorSpec, options: Options, rng: np.random.Generator) -> NDArray[Any]:
    """Seeded input for a tensor from its signature alone: floats uniform in [0, 1), bytes over their whole range.

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
    raise SessionError(f"input '{spec.name}' has type {spec.dtype}, which cannot be synthesised")


def concrete_shape(spec: TensorSpec, options: Options) -> tuple[int, ...]:
    """The tensor's shape with every dynamic dimension given a size; SessionError names the one that has none."""
    if spec.name in options.shapes:
        return _given_shape(spec, options.shapes[spec.name])
    sizes: list[int] = []
    for axis, size in enumerate(spec.shape):
        if isinstance(size, int) and size > 0:
            if axis == 0 and options.batch not in (1, size):
                raise SessionError(
                    f"input '{spec.name}' {list(spec.shape)} has a fixed batch of {size}, not {options.batch}"
                )
            sizes.append(size)
        elif axis == 0:
            sizes.append(options.batch)
        else:
            example = "x".join(str(s) for s in _example(spec))
            raise SessionError(
                f"dimension {axis} of input '{spec.name}' {list(spec.shape)} is dynamic: "
                f"give the shape with --shape {spec.name}={example}"
            )
    return tuple(sizes)


def _given_shape(spec: TensorSpec, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The user's shape, checked against the fixed dimensions."""
    fits = len(shape) == len(spec.shape) and all(
        want == have for have, want in zip(spec.shape, shape, strict=True) if isinstance(have, int) and have > 0
    )
    if not fits:
        raise SessionError(f"--shape {spec.name}={shape} does not fit the graph's {list(spec.shape)}")
    return shape


def _example(spec: TensorSpec) -> list[int]:
    """A shape to show in the advice: known sizes, 1 for the batch, 224 for the rest."""
    return [s if isinstance(s, int) and s > 0 else (1 if i == 0 else 224) for i, s in enumerate(spec.shape)]
