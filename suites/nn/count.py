"""Counts of a net: parameters and multiply-accumulates."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn


def parameters(net: nn.Module) -> int:
    """Weights, biases and batch normalisation's scale and shift (not its running statistics)."""
    return sum(p.numel() for p in net.parameters())


def macs(net: nn.Module, input_shape: tuple[int, int, int]) -> int:
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
