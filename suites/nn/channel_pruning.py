"""Structured pruning: whole channels leave, so that every runtime computes less.

Only channels that one block makes and reads itself are taken: the expanded ones of an inverted residual, the middle
ones of a ShuffleNetV2 branch, and the features between the last convolution and the linear layer. Shortcuts,
concatenations and shuffles keep their shapes, so one rule serves all families.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import nn

from harness.core.errors import UsageError

from .blocks import ConvBNAct, InvertedResidual, ShuffleUnit

DIVISOR = 8
"""Kept channels are a multiple of this, as vector units like them."""


class Hidden(NamedTuple):
    """Channels that ``makers`` carry one after another and nothing but ``reader`` reads."""

    makers: tuple[ConvBNAct, ...]
    reader: nn.Conv2d | nn.Linear


def hidden(net: nn.Sequential) -> Iterator[Hidden]:
    """All such channels of a net. A block of another kind, without expansion or with squeeze-excite has none."""
    for block in net.modules():
        if isinstance(block, InvertedResidual | ShuffleUnit):
            layers = block.layers if isinstance(block, InvertedResidual) else block.branch
            units = [layer for layer in layers if isinstance(layer, ConvBNAct)]
            if len(units) == len(layers) == 3:
                yield Hidden((units[0], units[1]), cast(nn.Conv2d, units[2][0]))
    with_weights = [layer for layer in net if any(True for _ in layer.parameters())]
    for maker, reader in pairwise(with_weights):
        if isinstance(maker, ConvBNAct) and isinstance(reader, nn.Linear):
            yield Hidden((maker,), reader)


def narrow(net: nn.Sequential, share: float) -> None:
    """Take ``share`` of the hidden channels in place, the least important of each block.

    UsageError where the net has none: it would come out as it went in.
    """
    found = list(hidden(net))
    if not found:
        raise UsageError("this net has no channels that one block makes and reads itself", "leave its channels be")
    for channels in found:
        score = importance(channels)
        kept = score.argsort(descending=True, stable=True)[: places_kept(len(score), share)].sort().values
        for maker in channels.makers:
            _keep_outputs(maker, kept)
        _keep_inputs(channels.reader, kept)


def places_kept(channels: int, share: float) -> int:
    """How many of so many channels stay when ``share`` of them leave."""
    return min(channels, max(DIVISOR, round(channels * (1 - share) / DIVISOR) * DIVISOR))


def importance(channels: Hidden) -> torch.Tensor:
    """L2 norm of what makes and reads each channel, in every layer relative to its mean, summed over the layers.

    Batch normalisation counts as folded.
    """
    norms = [_filters(maker).flatten(1).norm(dim=1) for maker in channels.makers]
    norms.append(channels.reader.weight.transpose(0, 1).flatten(1).norm(dim=1))
    return cast(torch.Tensor, sum(norm / norm.mean() for norm in norms)).detach()


def _filters(unit: ConvBNAct) -> torch.Tensor:
    convolution, normalise = unit[0], unit[1]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(normalise, nn.BatchNorm2d)
    assert normalise.running_var is not None
    scale = normalise.weight / (normalise.running_var + normalise.eps).sqrt()
    return convolution.weight * scale[:, None, None, None]


def _keep_outputs(unit: ConvBNAct, kept: torch.Tensor) -> None:
    convolution, normalise = unit[0], unit[1]
    convolution.weight = nn.Parameter(convolution.weight.detach()[kept])
    convolution.out_channels = len(kept)
    if convolution.groups > 1:  # depthwise: its inputs are its outputs
        convolution.groups = convolution.in_channels = len(kept)
    normalise.num_features = len(kept)
    for name in ("weight", "bias"):
        setattr(normalise, name, nn.Parameter(getattr(normalise, name).detach()[kept]))
    for name in ("running_mean", "running_var"):
        setattr(normalise, name, getattr(normalise, name)[kept])


def _keep_inputs(layer: nn.Conv2d | nn.Linear, kept: torch.Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight.detach()[:, kept])
    setattr(layer, "in_channels" if isinstance(layer, nn.Conv2d) else "in_features", len(kept))
