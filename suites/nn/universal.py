"""The universal inverted bottleneck of MobileNetV4."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from suites.nn.blocks import Activation, ConvBNAct


class UniversalInvertedBottleneck(nn.Module):
    """An inverted residual with two optional depthwise filters (arXiv 2404.10518, figure 4).

    ``start`` and ``middle`` are their kernels, before the expansion and between expansion and projection; 0 leaves
    one out. The stride is that of the middle filter, or of the first where there is no middle one.
    """

    def __init__(
        self, inputs: int, hidden: int, outputs: int, start: int, middle: int, stride: int, act: Activation
    ) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if start:
            layers.append(ConvBNAct(inputs, inputs, start, 1 if middle else stride, groups=inputs, act=None))
        layers.append(ConvBNAct(inputs, hidden, act=act))
        if middle:
            layers.append(ConvBNAct(hidden, hidden, middle, stride, groups=hidden, act=act))
        layers.append(ConvBNAct(hidden, outputs, act=None))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y
