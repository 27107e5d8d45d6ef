"""TensorFlow's SAME padding, which nets trained there were trained with."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional


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
