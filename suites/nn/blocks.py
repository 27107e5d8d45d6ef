"""Building blocks of the model families, and what applies to any net of them: folding and counts.

All tensors are N x C x H x W. Convolutions pad by (kernel - 1) // 2 on every side and have no bias where batch
normalisation follows.

The exporter writes the names of this module and its classes into .tflite files: renaming one changes the bytes, and so
the hash, of every file that is built anew.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Activation = Callable[[], nn.Module]


class ConvBNAct(nn.Sequential):
    """Convolution, batch normalisation, activation, which fold into one convolution on export.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Edge of the kernel.
        stride: Stride in both directions.
        groups: Groups of the convolution; as many as channels make it depthwise.
        act: Activation; None for a linear unit.
    """

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
    """Squeeze-and-excitation (arXiv 1709.01507): each channel is scaled by a gate, computed from all channel means."""

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
        """Scale the channels of `x`; the shape stays."""
        return x * cast(torch.Tensor, self.gate(x))


class InvertedResidual(nn.Module):
    """Inverted residual (arXiv 1801.04381): 1x1 expansion, depthwise convolution, linear 1x1 projection.

    It has a shortcut where shapes allow.

    Args:
        inputs: Input channels.
        hidden: Channels after the expansion, which is left out where they are the input channels.
        outputs: Output channels.
        kernel: Edge of the depthwise kernel.
        stride: Stride of the depthwise convolution.
        act: Activation of expansion and depthwise convolution.
        attention: Layer between depthwise convolution and projection (MobileNetV3, EfficientNet).
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
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y


class FusedInvertedResidual(nn.Module):
    """Fused inverted residual (arXiv 2104.00298, figure 2): k x k expansion, linear 1x1 projection.

    It has a shortcut where shapes allow. Without expansion it is one k x k convolution with its activation.
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
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y


class UniversalInvertedBottleneck(nn.Module):
    """An inverted residual with two optional depthwise convolutions (arXiv 2404.10518, figure 4).

    Args:
        inputs: Input channels.
        hidden: Channels after the expansion.
        outputs: Output channels.
        start: Kernel of the depthwise convolution before the expansion; 0 leaves it out.
        middle: Kernel of the depthwise convolution between expansion and projection; 0 leaves it out.
        stride: Stride of the middle depthwise convolution, of the first where there is no middle one.
        act: Activation of expansion and middle depthwise convolution.
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
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.layers(x))
        return x + y if self.shortcut else y


class ShuffleUnit(nn.Module):
    """ShuffleNetV2 unit (arXiv 1807.11164, figure 3 c and d): two branches, concatenated and shuffled.

    With stride 1 half of the channels passes unchanged; with stride 2 both branches read all channels.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        self.split = stride == 1
        self.direct = nn.Identity() if self.split else self._downsampling(inputs, half)
        self.branch = nn.Sequential(
            ConvBNAct(half if self.split else inputs, half, act=nn.ReLU),
            ConvBNAct(half, half, 3, stride, groups=half, act=None),
            ConvBNAct(half, half, act=nn.ReLU),
        )

    @staticmethod
    def _downsampling(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            ConvBNAct(inputs, inputs, 3, 2, groups=inputs, act=None),
            ConvBNAct(inputs, outputs, act=nn.ReLU),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        left, right = x.chunk(2, dim=1) if self.split else (x, x)
        return channel_shuffle(torch.cat((self.direct(left), self.branch(right)), dim=1))


class GroupedUnit(nn.Module):
    """ShuffleNet unit (arXiv 1707.01083, figure 2 b and c): grouped 1x1 convolutions around a channel shuffle.

    With stride 1 the input is added; with stride 2 the pooled input is concatenated.

    Args:
        inputs: Input channels.
        outputs: Output channels.
        stride: 1 or 2.
        groups: Groups of the 1x1 convolutions.
        first: Whether it is the net's first unit, whose first convolution is not grouped: its inputs are few (section
            3.2).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int, first: bool) -> None:
        super().__init__()
        self.groups = groups
        squeezed = outputs // 4
        computed = outputs if stride == 1 else outputs - inputs
        self.squeeze = ConvBNAct(inputs, squeezed, groups=1 if first else groups, act=nn.ReLU)
        self.filter = nn.Sequential(
            ConvBNAct(squeezed, squeezed, 3, stride, groups=squeezed, act=None),
            ConvBNAct(squeezed, computed, groups=groups, act=None),
        )
        self.pool = nn.AvgPool2d(3, 2, 1) if stride == 2 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        y = cast(torch.Tensor, self.filter(channel_shuffle(self.squeeze(x), self.groups)))
        joined = x + y if self.pool is None else torch.cat((y, self.pool(x)), dim=1)
        return torch.relu(joined)


class BasicBlock(nn.Module):
    """ResNet block (arXiv 1512.03385, figure 5 left): two 3x3 convolutions and a shortcut, projected where needed."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvBNAct(inputs, outputs, 3, stride, act=nn.ReLU),
            ConvBNAct(outputs, outputs, 3, act=None),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else ConvBNAct(inputs, outputs, stride=stride, act=None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map N x inputs x H x W to N x outputs x H/stride x W/stride."""
        return torch.relu(cast(torch.Tensor, self.layers(x)) + self.shortcut(x))


class Fire(nn.Module):
    """Fire module (arXiv 1602.07360, figure 1): 1x1 squeeze, then 1x1 and 3x3 side by side; no batch norm."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.narrow = nn.Conv2d(squeezed, expanded, 1)
        self.wide = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map N x inputs x H x W to N x 2 expanded x H x W."""
        y = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat((self.narrow(y), self.wide(y)), dim=1))


def channel_shuffle(x: torch.Tensor, groups: int = 2) -> torch.Tensor:
    """Interleave the channels of `groups` groups (arXiv 1707.01083, figure 1)."""
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def classifier(features: Iterable[nn.Module], channels: int, classes: int, dropout: float) -> nn.Sequential:
    """Return features, global average pooling and a linear layer: N x C x H x W images to N x classes logits."""
    return nn.Sequential(
        *features,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Dropout(dropout),
        nn.Linear(channels, classes),
    )


def set_batch_norm_eps(net: nn.Sequential, eps: float) -> nn.Sequential:
    """Set the epsilon of all batch normalisation in place and return `net`."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = eps
    return net


def fold_batch_norm(net: nn.Module) -> nn.Module:
    """Fold batch normalisation into the convolutions in place and return `net`, in evaluation mode."""
    for block in net.eval().modules():
        if isinstance(block, ConvBNAct) and isinstance(block[1], nn.BatchNorm2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return net


def count_parameters(net: nn.Module) -> int:
    """Return the number of weights, biases and scales and shifts of batch normalisation, without running statistics."""
    return sum(p.numel() for p in net.parameters())


def count_macs(net: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Return the multiply-accumulates of all convolutions and linear layers for one image of C x H x W.

    As in the papers, biases, normalisation, activations and pooling are not counted.
    """
    total = 0

    def count(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        total += output.numel() * layer.weight[0].numel()

    meta = copy.deepcopy(net).eval().to("meta")
    for layer in meta.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    meta(torch.empty(1, *input_shape, device="meta"))
    return total
