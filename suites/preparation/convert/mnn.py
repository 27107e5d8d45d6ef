"""MNN's .mnn, by the tools in its wheel.

They are called as functions, each in its own process: the commands `mnnconvert` and `mnnquant` of the wheel install
another package and report to their authors what was converted.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.core.artifact import Format
from suites.compression.base import Calibration

from . import base
from .base import ConversionRequest, Converter

_CALL = "import sys, _tools; getattr(_tools, sys.argv[1])(sys.argv[1:])"
_FLAGS: dict[str, tuple[str, ...]] = {"fp16": ("--fp16",), "int8-weight-only": ("--weightQuantBits", "8")}
_BATCH = 32
_QUANTIZER = {"feature_quantize_method": "EMA", "weight_quantize_method": "MAX_ABS", "quant_bits": 8}
"""Asymmetric activations, weights per channel; the method KL of MNN 3.6.1 crashes on the shipped nets."""


class Mnn(Converter):
    """fp16 or int8 weights by MNN's converter, full int8 by its quantizer with the usual calibration images."""

    format: ClassVar[Format] = "mnn"
    tools = ("MNN",)
    extra = "mnn"
    native_settings = frozenset({"fp32", "fp16", "int8-weight-only", "int8-static"})

    def convert(self, request: ConversionRequest) -> None:
        """Write .mnn."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as name:
            folder = Path(name)
            converted = folder / "net.mnn"
            paths = ("--modelFile", str(request.source.absolute()), "--MNNModel", str(converted))
            flags = _FLAGS.get(request.setting, ())
            _call(folder, converted, "mnnconvert", "-f", "ONNX", *paths, "--bizCode", "edgebench", *flags)
            if request.setting == "int8-static":
                assert request.calibration is not None
                converted = quantize(converted, request.calibration, folder)
            request.out.write_bytes(converted.read_bytes())


def quantize(net: Path, calibration: Calibration, folder: Path) -> Path:
    """Write a net with int8 weights and activations and return its path.

    Args:
        net: The float .mnn file.
        calibration: Calibration images.
        folder: Scratch folder, which takes each image as a text file in a folder.
    """
    out, config, images = folder / "int8.mnn", folder / "rules.json", folder / "images"
    for number, image in enumerate(calibration):
        image_folder = images / f"{number:05}"
        image_folder.mkdir(parents=True)
        shape = [1, *image.shape]
        np.savetxt(image_folder / "input.txt", image.reshape(1, -1), fmt="%.9g")
        (image_folder / "input.json").write_text(json.dumps({"inputs": [{"name": "input", "shape": shape}]}))
    samples = {"path": f"{images}/", "used_sample_num": len(calibration), "batch_size": _BATCH}
    config.write_text(json.dumps({**_QUANTIZER, **samples, "input_type": "sequence"}))
    _call(folder, out, "mnnquant", str(net), str(out), str(config))
    return out


def _call(folder: Path, expected: Path, function: str, *arguments: str) -> None:
    command: Sequence[str] = (sys.executable, "-c", _CALL, function, *arguments)
    base.run_program(function, command, folder, [expected])
