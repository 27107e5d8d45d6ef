"""TensorFlow's SAME padding, which nets trained there were trained with.

The blocks that the model families are made of.

All tensors are N x C x H x W. Convolutions pad by (kernel - 1) // 2 on every side and carry no bias
where batch normalisation follows.

Counts of a net: parameters and multiply-accumulates.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval


class SameConv2d(nn.Conv2d):
    """A convolution with stride 2 on an even edge, where SAME pads one pixel less before than behind."""

    pads: tuple[int, ...]
    """Left, right, above, below, in pixels."""

    @classmethod
    def of(cls, plain: nn.Conv2d) -> SameConv2d:
        """The same convolution, its weights shared. Its kernel is square and odd, its stride 2; it has no bias."""
        kernel = plain.kernel_size[0]
        same = cls(plain.in_channels, plain.out_channels, kernel, plain.stride[0], groups=plain.groups, bias=False)
        same.weight = plain.weight
        before = (kernel - 2) // 2
        same.pads = (before, kernel - 2 - before) * 2
        return same

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W, both even, to N x outputs x H/2 x W/2."""
        return cast(torch.Tensor, super().forward(functional.pad(x, self.pads)))


def pad_same(net: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Pad the convolutions of a net for images of C x H x W as SAME does, in place.

    TensorFlow's rule: ``(ceil(n / stride) - 1) * stride + kernel - n`` pixels in all, the odd one behind. For stride 1,
    and for stride 2 on an odd edge, that is the symmetric padding that our blocks have.
    """
    for name, edge in _edges(net, input_shape).items():
        layer = net.get_submodule(name)
        if isinstance(layer, nn.Conv2d) and layer.stride[0] == 2 and layer.kernel_size[0] > 1 and edge % 2 == 0:
            block, _, place = name.rpartition(".")
            setattr(net.get_submodule(block), place, SameConv2d.of(layer))


def _edges(net: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    """The edge of every convolution's input in pixels, by its name."""
    edges: dict[str, int] = {}

    def note(name: str, _: Any, inputs: tuple[torch.Tensor]) -> None:
        edges[name] = inputs[0].shape[-1]

    meta = copy.deepcopy(net).eval().to("meta")
    for name, layer in meta.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(partial(note, name))
    meta(torch.empty(1, *input_shape, device="meta"))
    return edges


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


class ShuffleNetV2Unit(nn.Module):
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
        return channel_shuffle(torch.cat((self.direct(left), self.branch(right)), dim=1))


class ShuffleNetV1Unit(nn.Module):
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
        y = cast(torch.Tensor, self.filter(channel_shuffle(self.squeeze(x), self.groups)))
        joined = x + y if self.pool is None else torch.cat((y, self.pool(x)), dim=1)
        return torch.relu(joined)


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


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and by 3x3 side by side (arXiv 1602.07360, figure 1); no batch normalisation."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.narrow = nn.Conv2d(squeezed, expanded, 1)
        self.wide = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x 2 expanded x H x W."""
        y = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat((self.narrow(y), self.wide(y)), dim=1))


def channel_shuffle(x: torch.Tensor, groups: int = 2) -> torch.Tensor:
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


def set_batch_norm_eps(net: nn.Sequential, eps: float) -> nn.Sequential:
    """Set the epsilon of all batch normalisation of ``net``; returns ``net``."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = eps
    return net


def fold_batch_norm(net: nn.Module) -> nn.Module:
    """Fold in place, as for inference; layers folded before stay. Returns ``net`` in evaluation mode."""
    for block in net.eval().modules():
        if isinstance(block, ConvBNAct) and isinstance(block[1], nn.BatchNorm2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return net


def count_parameters(net: nn.Module) -> int:
    """Weights, biases and batch normalisation's scale and shift (not its running statistics)."""
    return sum(p.numel() for p in net.parameters())


def count_macs(net: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """Multiply-accumulates of all convolutions and linear layers for one image of C x H x W.

    The convention of the papers: biases, normalisation, activations and pooling count nothing.
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
