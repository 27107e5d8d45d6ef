"""The two formats of a trained net, and Fashion-MNIST as models of each take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.artifact import Format, Layout, Preprocess
from suites.artifacts import evaluate
from suites.compression.base import Calibration
from suites.models.base import Variant

from .graphs import to_onnx, to_tflite
from .images import MEAN, PAD, STD

DATA = Path(__file__).parents[1] / "data" / "fashion-mnist"


@dataclass(frozen=True)
class Route:
    """How a format is written and read: by ``write`` with the distributions ``exporters``, and by ``runtime``."""

    layout: Layout
    write: Callable[[torch.nn.Module, Variant, Path], None]
    exporters: tuple[str, ...]
    runtime: str


ROUTES: dict[Format, Route] = {
    "onnx": Route("NCHW", to_onnx, ("torch", "onnxscript"), "onnxruntime"),
    "tflite": Route("NHWC", to_tflite, ("torch", "litert-torch"), "ai-edge-litert"),
}


@dataclass(frozen=True)
class Inputs:
    """Test and calibration images as one format's models take them."""

    format: Format

    @cached_property
    def how(self) -> Preprocess:
        """From a 28x28 grey image to the input."""
        return Preprocess(channels=1, pad=PAD, scale=255.0, mean=(MEAN,), std=(STD,), layout=ROUTES[self.format].layout)

    @cached_property
    def test(self) -> tuple[Calibration, NDArray[np.int64]]:
        """The 10,000 test images and their labels."""
        return evaluate.labelled(DATA, self.how)

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration images, of the training set."""
        return evaluate.labelled(DATA / "calibration", self.how)[0]
