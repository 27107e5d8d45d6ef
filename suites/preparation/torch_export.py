"""Write float model files from torch nets: .onnx and .tflite, with batch normalisation folded into the convolutions.

Importing it needs no torch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Format, Layout

if TYPE_CHECKING:
    from torch import nn

    from suites.models.base import ModelVariant

_OPSET = 20


def to_onnx(net: nn.Module, variant: ModelVariant, out: Path) -> None:
    """Write a float .onnx file: `input` of batch x C x H x W to `logits` of batch x classes."""
    import torch

    program = torch.onnx.export(
        _folded_copy(net),
        (torch.zeros(2, *variant.input_shape),),
        input_names=["input"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=_OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    _clear_metadata(graph)
    out.write_bytes(graph.SerializeToString(deterministic=True))


def _folded_copy(net: nn.Module) -> nn.Module:
    """Return a copy of `net` for inference, with batch normalisation folded."""
    import torch

    from suites.nn.blocks import fold_batch_norm

    return fold_batch_norm(copy.deepcopy(net).to(memory_format=torch.contiguous_format))


def _clear_metadata(model: Any) -> None:
    """Remove the exporter's metadata, which has stack traces and paths of the exporting machine."""
    graph = model.graph
    for message in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        message.ClearField("metadata_props")


def to_tflite(net: nn.Module, variant: ModelVariant, out: Path) -> None:
    """Write a float .tflite file for one image, channels last: 1 x H x W x C to 1 x classes."""
    import litert_torch
    import torch

    channels, height, width = variant.input_shape
    channels_last = litert_torch.to_channel_last_io(_folded_copy(net), args=[0])
    litert_torch.convert(channels_last.eval(), (torch.zeros(1, height, width, channels),)).export(str(out))


@dataclass(frozen=True)
class Exporter:
    """How float files of a format are written and scored.

    Attributes:
        layout: Layout of the images that the files take.
        write: Writes a net to a file.
        tools: Names of the distributions that write it.
        runtime: Name of the distribution that scores it.
    """

    layout: Layout
    write: Callable[[nn.Module, ModelVariant, Path], None]
    tools: tuple[str, ...]
    runtime: str

    def missing_tools(self) -> Iterator[str]:
        """Yield the tools that are not installed."""
        for tool in self.tools:
            try:
                version(tool)
            except PackageNotFoundError:
                yield tool


EXPORTERS: Mapping[Format, Exporter] = {
    "onnx": Exporter("NCHW", to_onnx, ("torch", "onnxscript"), "onnxruntime"),
    "tflite": Exporter("NHWC", to_tflite, ("torch", "litert-torch"), "ai-edge-litert"),
}
