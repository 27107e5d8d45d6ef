"""The unit of ShuffleNetV1."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from suites.nn.blocks import ConvBNAct, shuffle


class GroupedUnit(nn.Module):
    """Grouped 1x1 convolutions with a channel shuffle between them (arXiv 1707.01083, figure 2 b and c).

    With stride 2 the pooled input is concatenated, with stride 1 it is added. ``first`` marks the net's first unit,
    whose squeezing convolution is not grouped: its inputs are few (section 3.2).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int, first: bool) -> None:
        super().__init__()
        self.groups = groups
        squeezed = outputs // 4
        made = outputs if stride == 1 else outputs - inputs
        self.squeeze = ConvBNAct(inputs, squeezed, groups=1 if first else groups, act=nn.ReLU)
        self.filter = nn.Sequential(
            ConvBNAct(squeezed, squeezed, 3, stride, groups=squeezed, act=None),
            ConvBNAct(squeezed, made, groups=groups, act=None),
        )
        self.pool = nn.AvgPool2d(3, 2, 1) if stride == 2 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.filter(shuffle(self.squeeze(x), self.groups)))
        joined = x + y if self.pool is None else torch.cat((y, self.pool(x)), dim=1)
        return torch.relu(joined)
