"""Synthetic weights: one small block of random integers, repeated through every layer, times a power of four a layer.

A file of such weights compresses to kilobytes, and no runtime computes faster with them than with trained ones:

* No weight is special: the integers follow a triangular distribution, and no product of them is denormal.
* No two layers and no two output channels of a layer are equal, up to as many channels as the block is long: its length
  is prime and every layer starts elsewhere in it.
* Every output channel reaches magnitude 127, so that symmetric int8 quantisation per channel gives the integers back
  and the int8 file compresses as well.

Activations keep about unit variance from layer to layer: the power of four is that which brings a layer's output
nearest to it (layer-sequential unit variance, Mishkin and Matas 2016, arXiv:1511.06422).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

PEAK = 127
"""Largest magnitude of an integer weight."""

LENGTH = 1289
"""Weights in the block: the first prime number above 1,280, the output channels of the widest layer."""

PEAK_EVERY = 8
"""Every 8th integer of the block is a peak; no layer has fewer weights an output channel."""

BIAS = 0.25
"""Bias of the first layer, in standard deviations of its output; each further layer adds ``BIAS_STEP``.

Not 0, which some compilers drop from the graph, and of another value in every layer, since converters store equal
constants once.
"""

BIAS_STEP = 2.0**-12

_LAYER_START = 101
"""Integers by which the start in the block moves from one layer to the next."""


def block(*, balanced: bool) -> NDArray[np.int8]:
    """Return the block of integers in [-127, 127]: half the difference of two uniform bytes, every 8th at the peak.

    Their standard deviation is 66.

    ``balanced`` chooses each sign so that any run of integers sums to about zero. Activations behind a ReLU share a
    positive mean; weights of random signs amplify it from layer to layer until the output no longer depends on the
    image. A depthwise filter keeps random signs: with a zero sum it would leave nothing of a smooth image.
    """
    raw = np.random.PCG64(0).random_raw(-(-LENGTH // 4)).astype("<u8").view(np.uint8)[: 2 * LENGTH].astype(np.int16)
    signed = np.trunc((raw[:LENGTH] - raw[LENGTH:]) / 2).astype(np.int8)
    signed[::PEAK_EVERY] = np.where(signed[::PEAK_EVERY] < 0, -PEAK, PEAK)
    if balanced:
        total = 0
        for at, size in enumerate(np.abs(signed).tolist()):
            signed[at] = -size if total > 0 else size
            total += int(signed[at])
    return signed


def set_weights(net: nn.Module, images: torch.Tensor) -> None:
    """Set weights and biases of all convolutions and linear layers of ``net`` in place.

    ``images`` run through the net once, and every layer is scaled as they reach it.

    Raises:
        ValueError: Batch normalisation is not folded into the convolutions.
    """
    if any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()):
        raise ValueError("fold batch normalisation into the convolutions before setting their weights")
    blocks = {balanced: block(balanced=balanced) for balanced in (False, True)}
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        hooks = [layer.register_forward_hook(_scaled) for layer in layers]
        for number, layer in enumerate(layers):
            weight, bias = layer.weight, layer.bias
            tiled = np.resize(np.roll(blocks[weight.shape[1] > 1], -number * _LAYER_START), weight.numel())
            weight.copy_(torch.from_numpy(tiled.reshape(weight.shape)) / 2**7)
            if bias is not None:
                bias.fill_(BIAS + number * BIAS_STEP)
        net(images)
        for hook in hooks:
            hook.remove()


def _scaled(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
    """Scale a layer's weights to the power of four that brings its output nearest to unit variance."""
    bias = 0 if layer.bias is None else layer.bias.reshape(-1, *[1] * (output.dim() - 2))
    products = output - bias
    scale = 4.0 ** round(-math.log(float(products.std()), 4))
    layer.weight.mul_(scale)
    return products * scale + bias
