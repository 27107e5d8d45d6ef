"""A small net of fixed work in NumPy: how fast it runs says how fast this machine is today.

It computes without a BLAS library, whose threads would not keep to one CPU, and in the worker of every other case, so
that fresh processes, pinning and the timed loop take part in how far its time differs from run to run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import FORMATS
from harness.runtimes.base import Adapter, Batch, Capability, Options, Outputs, Session, TensorSpec

VERSION = 1
"""Of the net: a change of its work begins a new history."""

_CHANNELS, _SIDE, _LAYERS = 16, 32, 4


class ReferenceSession(Session):
    """Depthwise 3 x 3 and pointwise convolutions with fixed weights."""

    inputs = (TensorSpec("x", (1, _CHANNELS, _SIDE, _SIDE), "float32"),)

    def __init__(self) -> None:
        rng = np.random.default_rng(VERSION)
        self._depthwise = rng.standard_normal((_LAYERS, 9, _CHANNELS, 1, 1), np.float32) / 3
        self._pointwise = rng.standard_normal((_LAYERS, _CHANNELS, _CHANNELS), np.float32) / np.sqrt(_CHANNELS)
        self._x = np.zeros((_CHANNELS, _SIDE, _SIDE), np.float32)
        self._y = self._x

    def prepare(self, batch: Batch) -> None:
        """Copy the input."""
        np.copyto(self._x, batch["x"][0])

    def infer(self) -> None:
        """Run all layers."""
        values = self._x
        for depthwise, pointwise in zip(self._depthwise, self._pointwise, strict=True):
            padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
            windows = [padded[:, i : i + _SIDE, j : j + _SIDE] for i in range(3) for j in range(3)]
            mixed = sum(weight * window for weight, window in zip(depthwise, windows, strict=True))
            values = np.maximum(np.einsum("oc,chw->ohw", pointwise, mixed), 0)
        self._y = values

    def fetch(self) -> Outputs:
        """Copy the output."""
        return {"y": self._y.copy()}

    def info(self) -> dict[str, Any]:
        """Name the net and its library."""
        return {"library": "numpy", "version": np.__version__, "net": VERSION}


class ReferenceRuntime(Adapter):
    """Opens the net, whatever the file; it is no plug-in, since nobody chooses it."""

    name = "reference"
    capability = Capability(tuple(FORMATS), systems=(), by_default=False)

    def open(self, path: Path, options: Options) -> ReferenceSession:
        """Return the net."""
        return ReferenceSession()


REFERENCE = ReferenceRuntime()
