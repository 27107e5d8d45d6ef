"""Structured pruning: whole channels are removed, so that every runtime computes less.

Only channels that are used inside one block are removed: the expanded channels of an inverted residual, the middle ones
of a ShuffleNetV2 branch, and the features between the last convolution and the linear layer. Shortcuts, concatenations
and shuffles keep their shapes, so one rule serves all families.

`prune_channels` removes them at once; `GradualChannelPruning` zeroes them during training and removes them after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import nn

from harness.core.errors import UsageError

from .blocks import ConvBNAct, InvertedResidual, ShuffleUnit
from .training_hooks import GradualPruning

DIVISOR = 8
"""The number of channels that remain is a multiple of this, which suits vector units."""


class HiddenChannels(NamedTuple):
    """Channels that are used inside one block.

    Attributes:
        producers: Layers that have the channels as outputs, one after another.
        consumer: The only layer that reads them.
    """

    producers: tuple[ConvBNAct, ...]
    consumer: nn.Conv2d | nn.Linear


def hidden_channels(net: nn.Sequential) -> Iterator[HiddenChannels]:
    """Yield the hidden channels of a net.

    A block without expansion, with squeeze-and-excitation or of another kind has none.
    """
    for block in net.modules():
        if isinstance(block, InvertedResidual | ShuffleUnit):
            layers = block.layers if isinstance(block, InvertedResidual) else block.branch
            units = [layer for layer in layers if isinstance(layer, ConvBNAct)]
            if len(units) == len(layers) == 3:
                yield HiddenChannels((units[0], units[1]), cast(nn.Conv2d, units[2][0]))
    with_weights = [layer for layer in net if any(True for _ in layer.parameters())]
    for producer, consumer in pairwise(with_weights):
        if isinstance(producer, ConvBNAct) and isinstance(consumer, nn.Linear):
            yield HiddenChannels((producer,), consumer)


def prune_channels(net: nn.Sequential, share: float) -> None:
    """Remove `share` of the hidden channels of each block in place, the least important first.

    Raises:
        UsageError: The net has no hidden channels.
    """
    groups = list(hidden_channels(net))
    if not groups:
        raise UsageError("this net has no channels that are used inside one block", "leave out the channel pruning")
    for channels in groups:
        scores = importance(channels)
        count = remaining_channels(len(scores), share)
        indices = scores.argsort(descending=True, stable=True)[:count].sort().values
        for producer in channels.producers:
            _select_outputs(producer, indices)
        _select_inputs(channels.consumer, indices)


def remaining_channels(channels: int, share: float) -> int:
    """Return how many of `channels` remain when `share` of them is removed."""
    return min(channels, max(DIVISOR, round(channels * (1 - share) / DIVISOR) * DIVISOR))


def importance(channels: HiddenChannels) -> torch.Tensor:
    """Return the importance of each channel: its L2 norm in every layer relative to the layer's mean, summed.

    Batch normalisation counts as folded.
    """
    norms = [_folded_weight(producer).flatten(1).norm(dim=1) for producer in channels.producers]
    norms.append(channels.consumer.weight.transpose(0, 1).flatten(1).norm(dim=1))
    return cast(torch.Tensor, sum(norm / norm.mean() for norm in norms)).detach()


def _folded_weight(unit: ConvBNAct) -> torch.Tensor:
    convolution, batch_norm = unit[0], unit[1]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(batch_norm, nn.BatchNorm2d)
    assert batch_norm.running_var is not None
    scale = batch_norm.weight / (batch_norm.running_var + batch_norm.eps).sqrt()
    return convolution.weight * scale[:, None, None, None]


def _select_outputs(unit: ConvBNAct, indices: torch.Tensor) -> None:
    convolution, batch_norm = unit[0], unit[1]
    convolution.weight = nn.Parameter(convolution.weight.detach()[indices])
    convolution.out_channels = len(indices)
    if convolution.groups > 1:  # depthwise: its inputs are its outputs
        convolution.groups = convolution.in_channels = len(indices)
    batch_norm.num_features = len(indices)
    for name in ("weight", "bias"):
        setattr(batch_norm, name, nn.Parameter(getattr(batch_norm, name).detach()[indices]))
    for name in ("running_mean", "running_var"):
        setattr(batch_norm, name, getattr(batch_norm, name)[indices])


def _select_inputs(layer: nn.Conv2d | nn.Linear, indices: torch.Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight.detach()[:, indices])
    setattr(layer, "in_channels" if isinstance(layer, nn.Conv2d) else "in_features", len(indices))


class GradualChannelPruning(GradualPruning):
    """Zero more and more hidden channels of every block, the least important first; `finish` removes them.

    A zero channel has no gradient and never returns.

    Args:
        net: The net, changed in place.
        share: Share of the channels to remove.

    Raises:
        UsageError: Batch normalisation, through which channels are zeroed, has been folded.
    """

    def __init__(self, net: nn.Sequential, share: float) -> None:
        self._net, self._share = net, share
        self._channels = list(hidden_channels(net))
        producers = [producer for channels in self._channels for producer in channels.producers]
        if any(not isinstance(producer[1], nn.BatchNorm2d) for producer in producers):
            raise UsageError(
                "gradual channel pruning needs batch normalisation, which another setting folds",
                "remove the channels at once: channel-pruned-N instead of channel-pruned-N-gradual",
            )
        super().__init__([torch.ones(len(importance(channels)), dtype=torch.bool) for channels in self._channels])

    def finish(self) -> None:
        """Remove the zero channels; the net computes the same."""
        prune_channels(self._net, self._share)

    def _update_masks(self, share_done: float) -> None:
        for mask, channels in zip(self._masks, self._channels, strict=True):
            scores = importance(channels)
            n_zeros = round(share_done * (len(scores) - remaining_channels(len(scores), self._share)))
            mask[scores.argsort(stable=True)[:n_zeros]] = False

    def _apply_masks(self) -> None:
        for mask, channels in zip(self._masks, self._channels, strict=True):
            for producer in channels.producers:
                producer[1].weight.mul_(mask)
                producer[1].bias.mul_(mask)
            consumer = channels.consumer
            consumer.weight.mul_(mask.view(1, -1, *[1] * (consumer.weight.ndim - 2)))
