"""Our torch nets with the weights of a shipped .onnx, whose initialisers carry the modules' names.

TorchScript: the net traced and frozen, as PyTorch Mobile took it.

ExecuTorch programs lowered to XNNPACK: fp32, or int8 by PT2E quantisation with XNNPACK's quantiser.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.core.artifact import Format
from harness.core.errors import UsageError
from harness.core.plugins import load
from harness.runtimes.torch.torchscript import SHAPES
from suites.compression.base import Calibration
from suites.models.base import ModelVariant

from .base import ConversionRequest, Converter

if TYPE_CHECKING:
    import torch
    from torch import nn


def net_from_onnx(source: Path, model: str) -> nn.Module:
    """The net `model` for inference, batch normalisation folded, with the weights in the fp32 file `source`.

    UsageError where the graph is not that of our net: pruned channels, or another model.
    """
    from suites.nn.blocks import fold_batch_norm

    variant = ModelVariant.parse(model)
    net = fold_batch_norm(load("models", variant.family).net(variant))
    try:
        net.load_state_dict(_weights(source))
    except RuntimeError as error:
        raise UsageError(f"{source.name} is not the plain {model}: {str(error)[:200]}") from error
    return net


def example_input(model: str) -> torch.Tensor:
    """One input of zeros."""
    import torch

    return torch.zeros(1, *ModelVariant.parse(model).input_shape)


def _weights(source: Path) -> dict[str, Any]:
    """Float initialisers by name; those the exporter added (shapes, bounds) have no dot in theirs."""
    import onnx
    import torch

    found = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load(source).graph.initializer}
    return {
        name: torch.from_numpy(array.copy()) for name, array in found.items() if name.endswith((".weight", ".bias"))
    }


class TorchScript(Converter):
    """fp32 only: PyTorch's eager quantisation, which TorchScript used, is deprecated."""

    format: ClassVar[Format] = "torchscript"
    tools = ("torch", "onnx")
    extra = "torch"
    own_settings = frozenset({"fp32"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .pt."""
        import torch

        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch.jit is deprecated as a whole
            frozen = torch.jit.freeze(
                torch.jit.trace(net_from_onnx(order.source, order.model).eval(), example_input(order.model))
            )
            shape = list(example_input(order.model).shape)
            torch.jit.save(frozen, order.out, _extra_files={SHAPES: json.dumps({"input": shape})})


_BATCH = 64
"""Calibration images a step."""


class ExecuTorch(Converter):
    """int8 is per channel, with ranges from the same calibration images as the other formats get."""

    format: ClassVar[Format] = "executorch"
    tools = ("executorch", "torch", "onnx")
    extra = "torch"
    own_settings = frozenset({"fp32", "int8-static"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .pte."""
        import torch
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's and quantiser's own
            net, inputs = net_from_onnx(order.source, order.model).eval(), (example_input(order.model),)
            if order.setting == "int8-static":
                assert order.calibration is not None
                net = quantize_pt2e(net, inputs, order.calibration)
            program = torch.export.export(net, inputs, strict=False)
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            order.out.write_bytes(lowered.to_executorch().buffer)


def quantize_pt2e(net: nn.Module, inputs: tuple[torch.Tensor], calibration: Calibration) -> nn.Module:
    """The net with int8 weights per channel and int8 activations, as XNNPACK computes them."""
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantiser = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    several = tuple(torch.cat([each, each]) for each in inputs)  # one alone would fix the batch at one
    free = torch.export.export(net, several, dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False)
    watched: Any = prepare_pt2e(free.module(), quantiser)
    for start in range(0, len(calibration), _BATCH):
        watched(torch.from_numpy(calibration[start : start + _BATCH]))
    converted: nn.Module = convert_pt2e(watched)
    return converted
