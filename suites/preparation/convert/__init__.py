"""Converters, one file per format. Importing them needs no tool; `Converter.convert` does."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.artifact import Format

from .base import ConversionRequest, Converter
from .keras import Keras, SavedModel
from .mnn import Mnn
from .ncnn import Ncnn
from .openvino import OpenVinoIr
from .torch_formats import ExecuTorch, TorchScript

__all__ = ["CONVERTERS", "ConversionRequest", "Converter"]

CONVERTERS: Mapping[Format, Converter] = {
    converter.format: converter
    for converter in (OpenVinoIr(), TorchScript(), ExecuTorch(), Ncnn(), Mnn(), SavedModel(), Keras())
}
