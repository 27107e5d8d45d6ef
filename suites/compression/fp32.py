"""`fp32`: the float net as trained, which all other settings are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import Format
from harness.core.model_files.model_copy import copy_model

from .base import Calibration, Compression, FormatSupport


class Fp32(Compression):
    """No compression."""

    name = "fp32"
    description = "float net as trained: the baseline for accuracy and latency"
    formats: Mapping[Format, FormatSupport] = {"onnx": FormatSupport("fp32"), "tflite": FormatSupport("fp32")}

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Copy the model."""
        copy_model(source, out)

    build_tflite = build_onnx


PLUGINS: tuple[Compression, ...] = (Fp32(),)
