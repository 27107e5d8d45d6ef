"""Seeded pictures: what synthetic nets are scaled, quantised and checked with.

Run a model file once and see that its outputs are those of a working net.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import ModelError
from harness.core.plugins import load
from harness.runtimes.base import Adapter, Options, Session

_LIMIT = 2.5


def images(seed: int, count: int, edge: int, channels: int = 3) -> NDArray[np.float32]:
    """Make ``count`` x ``channels`` x ``edge`` x ``edge`` pictures of mean 0, variance about 1, within +-2.5.

    The amplitude falls as 1/f, as in natural pictures (Field 1987, J. Opt. Soc. Am. A 4:2379): large smooth areas and
    edges at every size. White noise would tell a convolution nothing of its sum, smooth ramps nothing of its edges.
    """
    noise = np.random.default_rng(seed).standard_normal((count, channels, edge, edge))
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :]) + 1 / edge
    smooth = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(edge, edge))
    smooth -= smooth.mean(axis=(1, 2, 3), keepdims=True)
    smooth /= smooth.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(smooth, -_LIMIT, _LIMIT).astype(np.float32)


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
