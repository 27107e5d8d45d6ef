"""OpenVINO IR from .onnx: the same graph, which then loads faster and needs no ONNX reader."""

from __future__ import annotations

from typing import ClassVar

from harness.core.artifact import Format

from .base import ConversionRequest, Converter


class OpenVinoIr(Converter):
    """Any setting's .onnx; weights keep their type."""

    format: ClassVar[Format] = "openvino"
    tools = ("openvino",)
    extra = "openvino"

    def convert(self, order: ConversionRequest) -> None:
        """Write .xml and .bin."""
        import openvino as ov

        ov.save_model(ov.convert_model(order.source), order.out, compress_to_fp16=False)
