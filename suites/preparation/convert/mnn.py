"""MNN's .mnn by the tools in its wheel.

They are called as functions, each in a process of its own: the wheel's commands `mnnconvert` and `mnnquant` install
another package by themselves and report to their makers what was converted.
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
_QUANTISER = {"feature_quantize_method": "EMA", "weight_quantize_method": "MAX_ABS", "quant_bits": 8}
"""Asymmetric activations, weights per channel; the method KL of MNN 3.6.1 crashes on the shipped nets."""


class Mnn(Converter):
    """Weights in fp16 or int8 by the converter; int8 by the quantiser, with the images of all other formats."""

    format: ClassVar[Format] = "mnn"
    tools = ("MNN",)
    extra = "mnn"
    own_settings = frozenset({"fp32", "fp16", "int8-weight-only", "int8-static"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .mnn."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as name:
            folder = Path(name)
            converted = folder / "net.mnn"
            paths = ("--modelFile", str(order.source.absolute()), "--MNNModel", str(converted))
            flags = _FLAGS.get(order.setting, ())
            _call(folder, converted, "mnnconvert", "-f", "ONNX", *paths, "--bizCode", "edgebench", *flags)
            if order.setting == "int8-static":
                assert order.calibration is not None
                converted = quantised(converted, order.calibration, folder)
            order.out.write_bytes(converted.read_bytes())


def quantised(net: Path, calibration: Calibration, folder: Path) -> Path:
    """A net with int8 weights and activations; `folder` takes the images, as text files in a folder each."""
    out, rules, images = folder / "int8.mnn", folder / "rules.json", folder / "images"
    for number, image in enumerate(calibration):
        place = images / f"{number:05}"
        place.mkdir(parents=True)
        shape = [1, *image.shape]
        np.savetxt(place / "input.txt", image.reshape(1, -1), fmt="%.9g")
        (place / "input.json").write_text(json.dumps({"inputs": [{"name": "input", "shape": shape}]}))
    samples = {"path": f"{images}/", "used_sample_num": len(calibration), "batch_size": _BATCH}
    rules.write_text(json.dumps({**_QUANTISER, **samples, "input_type": "sequence"}))
    _call(folder, out, "mnnquant", str(net), str(out), str(rules))
    return out


def _call(folder: Path, written: Path, function: str, *arguments: str) -> None:
    command: Sequence[str] = (sys.executable, "-c", _CALL, function, *arguments)
    base.run(function, command, folder, [written])
