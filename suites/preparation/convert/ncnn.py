"""ncnn's .param and .bin by pnnx, the converter of its makers, which reads .onnx; int8 from there by our own hand."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from pathlib import Path
from typing import ClassVar

from harness.core.artifact import Format
from harness.core.errors import SetupError
from suites.models.base import ModelVariant

from . import base
from .base import ConversionRequest, Converter
from .ncnn_int8 import quantise

_INPUT_SHAPE = "2={} 1={} 0={}"
"""Channels, height and width of a layer Input."""


class Ncnn(Converter):
    """fp32; with the weights stored in fp16; or int8, with the images of all other formats."""

    format: ClassVar[Format] = "ncnn"
    tools = ("pnnx", "ncnn")
    extra = "convert-ncnn"
    own_settings = frozenset({"fp32", "fp16", "int8-static"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .param and .bin, the input's shape in the former: pnnx leaves it out, and ncnn has no other place."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
            param, weights = Path(folder, "net.param"), Path(folder, "net.bin")
            kept = Path(folder, "net.onnx")  # pnnx writes beside its source
            kept.write_bytes(order.source.read_bytes())
            half = f"fp16={int(order.setting == 'fp16')}"
            command: list[str | Path] = [_program(), kept, half, f"ncnnparam={param}", f"ncnnbin={weights}"]
            base.run("pnnx", command, kept.parent, [param, weights])
            sizes = _INPUT_SHAPE.format(*ModelVariant.parse(order.model).input_shape)
            text = re.sub(r"^(Input .*)$", rf"\1 {sizes}", param.read_text(encoding="utf-8"), flags=re.MULTILINE)
            param.write_text(text, encoding="utf-8")
            if order.setting == "int8-static":
                assert order.calibration is not None
                quantise(param, order.calibration)
            order.out.write_bytes(param.read_bytes())
            order.out.with_suffix(".bin").write_bytes(weights.read_bytes())


def _program() -> Path:
    """The program within the package, whose Python part would import torch."""
    found = importlib.util.find_spec("pnnx")
    program = Path(found.origin or "").parent / "pnnx" if found else Path()
    if not program.is_file():
        raise SetupError("the installed pnnx came without its program", "pip install --force-reinstall pnnx")
    return program
