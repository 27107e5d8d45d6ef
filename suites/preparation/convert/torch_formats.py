"""TorchScript and ExecuTorch files, from torch nets with the weights of a shipped .onnx.

The initializers of the .onnx have the names of the torch modules.
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
    """Return a net for inference, batch normalisation folded, with the weights of an .onnx file.

    Args:
        source: The fp32 .onnx file.
        model: Name of the net.

    Raises:
        UsageError: The graph is not that of the net: its channels are pruned, or it is another model.
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
    """Return one input of zeros."""
    import torch

    return torch.zeros(1, *ModelVariant.parse(model).input_shape)


def _weights(source: Path) -> dict[str, Any]:
    """Return the weights and biases by name; constants that the exporter added have other names."""
    import onnx
    import torch

    arrays = {entry.name: onnx.numpy_helper.to_array(entry) for entry in onnx.load(source).graph.initializer}
    return {
        name: torch.from_numpy(array.copy()) for name, array in arrays.items() if name.endswith((".weight", ".bias"))
    }


class TorchScript(Converter):
    """The net traced and frozen. fp32 only: PyTorch's eager quantization, which TorchScript used, is deprecated."""

    format: ClassVar[Format] = "torchscript"
    tools = ("torch", "onnx")
    extra = "torch"
    native_settings = frozenset({"fp32"})

    def convert(self, request: ConversionRequest) -> None:
        """Write .pt."""
        import torch

        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # torch.jit is deprecated as a whole
            frozen = torch.jit.freeze(
                torch.jit.trace(net_from_onnx(request.source, request.model).eval(), example_input(request.model))
            )
            shape = list(example_input(request.model).shape)
            torch.jit.save(frozen, request.out, _extra_files={SHAPES: json.dumps({"input": shape})})


_BATCH = 64
"""Calibration images per step."""


class ExecuTorch(Converter):
    """Programs lowered to XNNPACK: fp32, or int8 per channel by PT2E quantization with XNNPACK's quantizer."""

    format: ClassVar[Format] = "executorch"
    tools = ("executorch", "torch", "onnx")
    extra = "torch"
    native_settings = frozenset({"fp32", "int8-static"})

    def convert(self, request: ConversionRequest) -> None:
        """Write .pte."""
        import torch
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # from exporter and quantizer
            net, inputs = net_from_onnx(request.source, request.model).eval(), (example_input(request.model),)
            if request.setting == "int8-static":
                assert request.calibration is not None
                net = quantize_pt2e(net, inputs, request.calibration)
            program = torch.export.export(net, inputs, strict=False)
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            request.out.write_bytes(lowered.to_executorch().buffer)


def quantize_pt2e(net: nn.Module, inputs: tuple[torch.Tensor], calibration: Calibration) -> nn.Module:
    """Return a net with int8 weights per channel and int8 activations, as XNNPACK computes them.

    Args:
        net: The float net.
        inputs: An example input.
        calibration: Calibration images.
    """
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    batch = tuple(torch.cat([example, example]) for example in inputs)  # a batch of one would fix the size at one
    program = torch.export.export(net, batch, dynamic_shapes=({0: torch.export.Dim("batch")},), strict=False)
    observed: Any = prepare_pt2e(program.module(), quantizer)
    for start in range(0, len(calibration), _BATCH):
        observed(torch.from_numpy(calibration[start : start + _BATCH]))
    converted: nn.Module = convert_pt2e(observed)
    return converted
