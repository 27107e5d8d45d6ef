"""TorchScript: the net traced and frozen, as PyTorch Mobile took it."""

from __future__ import annotations

import json
import warnings
from typing import ClassVar

from harness.core.artifact import Format
from harness.runtimes.torch.torchscript import SHAPES

from .base import ConversionRequest, Converter
from .torch_net import example, net_of


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
            frozen = torch.jit.freeze(torch.jit.trace(net_of(order.source, order.model).eval(), example(order.model)))
            shape = list(example(order.model).shape)
            torch.jit.save(frozen, order.out, _extra_files={SHAPES: json.dumps({"input": shape})})
