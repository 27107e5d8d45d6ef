"""TensorFlow's SAME padding, for nets whose weights were trained with it."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """A convolution with stride 2 and an even input edge, where SAME pads one pixel less before than after.

    Attributes:
        pads: Padding in pixels: left, right, top, bottom.
    """

    pads: tuple[int, ...]

    @classmethod
    def of(cls, plain: nn.Conv2d) -> SameConv2d:
        """Return the same convolution, with shared weights.

        Args:
            plain: A convolution with an odd square kernel, stride 2 and no bias.
        """
        kernel = plain.kernel_size[0]
        same = cls(plain.in_channels, plain.out_channels, kernel, plain.stride[0], groups=plain.groups, bias=False)
        same.weight = plain.weight
        before = (kernel - 2) // 2
        same.pads = (before, kernel - 2 - before) * 2
        return same

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map N x inputs x H x W, both even, to N x outputs x H/2 x W/2."""
        return cast(torch.Tensor, super().forward(functional.pad(x, self.pads)))


def pad_same(net: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Make the convolutions of a net pad as SAME does, in place.

    TensorFlow pads by `(ceil(n / stride) - 1) * stride + kernel - n` pixels in all, an odd one at the end. For stride
    1, and for stride 2 with an odd input edge, that is the symmetric padding of `suites.nn.blocks`.

    Args:
        net: The net.
        input_shape: C x H x W of its images.
    """
    for name, edge in _input_edges(net, input_shape).items():
        layer = net.get_submodule(name)
        if isinstance(layer, nn.Conv2d) and layer.stride[0] == 2 and layer.kernel_size[0] > 1 and edge % 2 == 0:
            parent, _, attribute = name.rpartition(".")
            setattr(net.get_submodule(parent), attribute, SameConv2d.of(layer))


def _input_edges(net: nn.Module, input_shape: tuple[int, int, int]) -> dict[str, int]:
    """Return the edge of every convolution's input in pixels, by its name."""
    edges: dict[str, int] = {}

    def record(name: str, _: Any, inputs: tuple[torch.Tensor]) -> None:
        edges[name] = inputs[0].shape[-1]

    meta = copy.deepcopy(net).eval().to("meta")
    for name, layer in meta.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(partial(record, name))
    meta(torch.empty(1, *input_shape, device="meta"))
    return edges
