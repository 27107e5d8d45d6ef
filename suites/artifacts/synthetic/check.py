"""Seeded images, with which synthetic models are scaled, quantized and checked to give live outputs."""

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
    """Return ``count`` x ``channels`` x ``edge`` x ``edge`` images of mean 0, variance about 1, within +-2.5.

    The amplitude falls as 1/f, as in natural images (Field 1987, J. Opt. Soc. Am. A 4:2379): large smooth areas and
    edges at every size. White noise would average out in a convolution, smooth ramps would have no edges.
    """
    noise = np.random.default_rng(seed).standard_normal((count, channels, edge, edge))
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :]) + 1 / edge
    smooth = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(edge, edge))
    smooth -= smooth.mean(axis=(1, 2, 3), keepdims=True)
    smooth /= smooth.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(smooth, -_LIMIT, _LIMIT).astype(np.float32)


_SMALLEST_SPREAD = 1e-3


def check(path: Path, seed: int = 1) -> NDArray[np.float32]:
    """Run two seeded images through a model file and return its outputs, one row per image.

    Raises:
        ModelError: An output is not finite, all classes score alike, or the image makes no difference. A model whose
            activations vanish or overflow may compute at another speed.
    """
    session = open_model(path)
    inputs = images(seed, 2, int(session.inputs[0].shape[2]))
    outputs = np.stack([run(session, image) for image in inputs])
    spread = float(outputs.std(axis=1).min())
    difference = float(np.abs(outputs[0] - outputs[1]).max())
    if not np.isfinite(outputs).all() or min(spread, difference) < _SMALLEST_SPREAD:
        raise ModelError(
            f"{path}: its outputs hardly vary: spread {spread:.3g}, difference between images {difference:.3g}"
        )
    return outputs


def open_model(path: Path) -> Session:
    """Open a model with the CPU runtime of its format, on one thread."""
    runtime: Adapter = load("runtimes", "onnxruntime-cpu" if path.suffix == ".onnx" else "litert-xnnpack")
    return runtime.open(path, Options())


def run(session: Session, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first output for one image (channels x height x width), as a row of floats."""
    spec = session.inputs[0]
    session.prepare({spec.name: spec.encode(batch_of(image, spec.shape))})
    session.infer()
    values: NDArray[np.float32] = next(iter(session.fetch().values())).astype(np.float32).ravel()
    return values


def batch_of(image: NDArray[np.float32], shape: tuple[Any, ...]) -> NDArray[np.float32]:
    """Return an image (channels x height x width) as a batch of one; channels last where ``shape`` has them last."""
    channels_last = shape[-1] == image.shape[0]
    return np.ascontiguousarray(image.transpose(1, 2, 0) if channels_last else image)[None]
