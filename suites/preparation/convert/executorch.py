"""ExecuTorch programs lowered to XNNPACK: fp32, or int8 by PT2E quantisation with XNNPACK's quantiser."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from harness.core.artifact import Format
from suites.compression.base import Calibration

from .base import ConversionRequest, Converter
from .torch_net import example, net_of

if TYPE_CHECKING:
    import torch
    from torch import nn

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
            net, inputs = net_of(order.source, order.model).eval(), (example(order.model),)
            if order.setting == "int8-static":
                assert order.calibration is not None
                net = quantised(net, inputs, order.calibration)
            program = torch.export.export(net, inputs, strict=False)
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            order.out.write_bytes(lowered.to_executorch().buffer)


def quantised(net: nn.Module, inputs: tuple[torch.Tensor], calibration: Calibration) -> nn.Module:
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
