"""The basic block of ResNet."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from suites.nn.blocks import ConvBNAct


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (arXiv 1512.03385, figure 5 left), projected where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBNAct(inputs, outputs, 3, stride, act=nn.ReLU),
            ConvBNAct(outputs, outputs, 3, act=None),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvBNAct(inputs, outputs, stride=stride, act=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        return torch.relu(cast(torch.Tensor, self.layers(x)) + self.shortcut(x))
