"""The fused inverted residual of EfficientNetV2 and MobileNetV4."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from suites.nn.blocks import Activation, ConvBNAct


class FusedInvertedResidual(nn.Module):
    """Expand by a full k x k convolution, project linearly (arXiv 2104.00298, figure 2); shortcut where shapes allow.

    Without expansion one k x k convolution, with its activation, is all there is.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, kernel: int, stride: int, act: Activation) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        if hidden == inputs:
            self.layers = nn.Sequential(ConvBNAct(inputs, outputs, kernel, stride, act=act))
        else:
            expand = ConvBNAct(inputs, hidden, kernel, stride, act=act)
            self.layers = nn.Sequential(expand, ConvBNAct(hidden, outputs, act=None))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y
