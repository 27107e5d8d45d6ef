"""OpenVINO IR from .onnx: the same graph, which loads faster and needs no ONNX reader."""

from __future__ import annotations

from typing import ClassVar

from harness.core.artifact import Format

from .base import ConversionRequest, Converter


class OpenVinoIr(Converter):
    """OpenVINO IR of the .onnx of any setting; weights keep their type."""

    format: ClassVar[Format] = "openvino"
    tools = ("openvino",)
    extra = "openvino"

    def convert(self, request: ConversionRequest) -> None:
        """Write .xml and .bin."""
        import openvino as ov

        ov.save_model(ov.convert_model(request.source), request.out, compress_to_fp16=False)
