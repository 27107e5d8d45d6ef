"""From a torch net to float model files: .onnx and .tflite, batch normalisation folded into the convolutions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.core.artifact import Format, Layout
from suites.models.base import ModelVariant
from suites.nn.blocks import fold_batch_norm

OPSET = 20


def folded(net: nn.Module) -> nn.Module:
    """A copy of ``net`` for inference, batch normalisation folded into the convolutions before it."""
    return fold_batch_norm(copy.deepcopy(net).to(memory_format=torch.contiguous_format))


def to_onnx(net: nn.Module, variant: ModelVariant, out: Path) -> None:
    """Write float .onnx with weights inside: ``input`` batch x C x H x W to ``logits`` batch x classes."""
    program = torch.onnx.export(
        folded(net),
        (torch.zeros(2, *variant.input_shape),),
        input_names=["input"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    graph = program.model_proto
    _forget_origin(graph)
    out.write_bytes(graph.SerializeToString(deterministic=True))


def _forget_origin(model: Any) -> None:
    """Drop the exporter's notes: they hold stack traces and paths of the exporting machine."""
    graph = model.graph
    for part in (
        model,
        graph,
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
    ):
        part.ClearField("metadata_props")


def to_tflite(net: nn.Module, variant: ModelVariant, out: Path) -> None:
    """Write float .tflite for one image, channels last: 1 x H x W x C to 1 x classes."""
    import litert_torch

    channels, height, width = variant.input_shape
    last = litert_torch.to_channel_last_io(folded(net), args=[0])
    litert_torch.convert(last.eval(), (torch.zeros(1, height, width, channels),)).export(str(out))


@dataclass(frozen=True)
class Exporter:
    """How a format is written and read: by ``write`` with the distributions ``exporters``, and by ``runtime``."""

    layout: Layout
    write: Callable[[torch.nn.Module, ModelVariant, Path], None]
    exporters: tuple[str, ...]
    runtime: str


EXPORTERS: dict[Format, Exporter] = {
    "onnx": Exporter("NCHW", to_onnx, ("torch", "onnxscript"), "onnxruntime"),
    "tflite": Exporter("NHWC", to_tflite, ("torch", "litert-torch"), "ai-edge-litert"),
}
