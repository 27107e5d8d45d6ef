"""Run a model file once and see that its outputs are those of a working net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import ModelError
from harness.core.plugins import load
from harness.runtimes.base import Adapter, Options, Session

from .images import images

_SMALLEST_SPREAD = 1e-3


def check(path: Path, seed: int = 1) -> NDArray[np.float32]:
    """Run two seeded pictures through a model file; its outputs, one row a picture.

    Raises ModelError where an output is not finite, where all classes score alike, or where the picture makes no
    difference: a net with vanished or overflown activations may compute at another speed.
    """
    session = open_model(path)
    pictures = images(seed, 2, int(session.inputs[0].shape[2]))
    outputs = np.stack([run(session, picture) for picture in pictures])
    spread = float(outputs.std(axis=1).min())
    difference = float(np.abs(outputs[0] - outputs[1]).max())
    if not np.isfinite(outputs).all() or min(spread, difference) < _SMALLEST_SPREAD:
        raise ModelError(f"{path}: outputs of a dead net: spread {spread:.3g}, between pictures {difference:.3g}")
    return outputs


def open_model(path: Path) -> Session:
    """Open a model with the CPU runtime of its format, on one thread."""
    runtime: Adapter = load("runtimes", "onnxruntime-cpu" if path.suffix == ".onnx" else "litert-xnnpack")
    return runtime.open(path, Options())


def run(session: Session, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """First output of the net for one picture (channels x height x width), as a row of floats."""
    spec = session.inputs[0]
    session.prepare({spec.name: spec.encode(batch_of(picture, spec.shape))})
    session.infer()
    values: NDArray[np.float32] = next(iter(session.fetch().values())).astype(np.float32).ravel()
    return values


def batch_of(picture: NDArray[np.float32], shape: tuple[Any, ...]) -> NDArray[np.float32]:
    """A picture (channels x height x width) as a batch of one; channels last where ``shape`` has them last."""
    channels_last = shape[-1] == picture.shape[0]
    return np.ascontiguousarray(picture.transpose(1, 2, 0) if channels_last else picture)[None]
