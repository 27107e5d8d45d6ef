"""The blocks that MobileNet, ShuffleNet and EfficientNet are made of.

All tensors are N x C x H x W. Convolutions pad by (kernel - 1) // 2 on every side and carry no bias
where batch normalisation follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import nn

Activation = Callable[[], nn.Module]


class ConvBNAct(nn.Sequential):
    """Convolution, batch normalisation, activation: the unit that folds into one convolution on export."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        act: Activation | None = nn.ReLU6,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([act()] if act else []))


class SqueezeExcite(nn.Module):
    """Channel attention (arXiv 1709.01507): each channel is scaled by a gate computed from all channel means."""

    def __init__(self, channels: int, squeezed: int, act: Activation, gate: Activation) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            act(),
            nn.Conv2d(squeezed, channels, 1),
            gate(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale the channels of ``x``; the shape stays."""
        return x * cast(torch.Tensor, self.gate(x))


class InvertedResidual(nn.Module):
    """Expand by 1x1, filter depthwise, project linearly (arXiv 1801.04381); a shortcut where shapes allow.

    ``attention`` is put between the depthwise filter and the projection (MobileNetV3, EfficientNet).
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        kernel: int,
        stride: int,
        act: Activation,
        attention: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.shortcut = stride == 1 and inputs == outputs
        layers: list[nn.Module] = []
        if hidden != inputs:
            layers.append(ConvBNAct(inputs, hidden, act=act))
        layers.append(ConvBNAct(hidden, hidden, kernel, stride, groups=hidden, act=act))
        if attention is not None:
            layers.append(attention)
        layers.append(ConvBNAct(hidden, outputs, act=None))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y


class ShuffleUnit(nn.Module):
    """ShuffleNetV2 unit (arXiv 1807.11164, figure 3 c and d): two branches, concatenated and shuffled.

    With stride 1 one half of the channels passes unchanged; with stride 2 both branches see all channels.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.split = stride == 1
        self.direct = nn.Identity() if self.split else self._halved(inputs, half)
        self.branch = nn.Sequential(
            ConvBNAct(half if self.split else inputs, half, act=nn.ReLU),
            ConvBNAct(half, half, 3, stride, groups=half, act=None),
            ConvBNAct(half, half, act=nn.ReLU),
        )

    @staticmethod
    def _halved(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            ConvBNAct(inputs, inputs, 3, 2, groups=inputs, act=None),
            ConvBNAct(inputs, outputs, act=nn.ReLU),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x outputs x H/stride x W/stride."""
        left, right = x.chunk(2, dim=1) if self.split else (x, x)
        return shuffle(torch.cat((self.direct(left), self.branch(right)), dim=1))


def shuffle(x: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """Interleave the channels of ``groups`` groups (arXiv 1707.01083, figure 1)."""
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def classifier(features: Iterable[nn.Module], channels: int, classes: int, dropout: float) -> nn.Sequential:
    """Features, global average pooling and one linear layer: N x C x H x W images to N x classes logits."""
    return nn.Sequential(
        *features,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Dropout(dropout),
        nn.Linear(channels, classes),
    )


def with_eps(net: nn.Sequential, eps: float) -> nn.Sequential:
    """Set the epsilon of all batch normalisation of ``net``; returns ``net``."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = eps
    return net
