"""Structured pruning: whole channels leave, so that every runtime computes less.

Only channels that one block makes and reads itself are taken: the expanded ones of an inverted residual, the middle
ones of a ShuffleNetV2 branch, and the features between the last convolution and the linear layer. Shortcuts,
concatenations and shuffles keep their shapes, so one rule serves all families.

`prune_channels` removes them at once; `GradualChannelPruning` zeroes them during training and removes them after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import nn

from harness.core.errors import UsageError

from .blocks import ConvBNAct, InvertedResidual, ShuffleNetV2Unit
from .training_hooks import TrainingHooks
from .weight_pruning import EVERY, cubic, in_ramp

DIVISOR = 8
"""Kept channels are a multiple of this, as vector units like them."""


class HiddenChannels(NamedTuple):
    """Channels that ``makers`` carry one after another and nothing but ``reader`` reads."""

    makers: tuple[ConvBNAct, ...]
    reader: nn.Conv2d | nn.Linear


def hidden_channels(net: nn.Sequential) -> Iterator[HiddenChannels]:
    """All such channels of a net. A block of another kind, without expansion or with squeeze-excite has none."""
    for block in net.modules():
        if isinstance(block, InvertedResidual | ShuffleNetV2Unit):
            layers = block.layers if isinstance(block, InvertedResidual) else block.branch
            units = [layer for layer in layers if isinstance(layer, ConvBNAct)]
            if len(units) == len(layers) == 3:
                yield HiddenChannels((units[0], units[1]), cast(nn.Conv2d, units[2][0]))
    with_weights = [layer for layer in net if any(True for _ in layer.parameters())]
    for maker, reader in pairwise(with_weights):
        if isinstance(maker, ConvBNAct) and isinstance(reader, nn.Linear):
            yield HiddenChannels((maker,), reader)


def prune_channels(net: nn.Sequential, share: float) -> None:
    """Take ``share`` of the hidden channels in place, the least important of each block.

    UsageError where the net has none: it would come out as it went in.
    """
    found = list(hidden_channels(net))
    if not found:
        raise UsageError("this net has no channels that one block makes and reads itself", "leave its channels be")
    for channels in found:
        score = importance(channels)
        kept = score.argsort(descending=True, stable=True)[: remaining_channels(len(score), share)].sort().values
        for maker in channels.makers:
            _keep_outputs(maker, kept)
        _keep_inputs(channels.reader, kept)


def remaining_channels(channels: int, share: float) -> int:
    """How many of so many channels stay when ``share`` of them leave."""
    return min(channels, max(DIVISOR, round(channels * (1 - share) / DIVISOR) * DIVISOR))


def importance(channels: HiddenChannels) -> torch.Tensor:
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


class GradualChannelPruning(TrainingHooks):
    """Zero ever more hidden channels of every block, the least important first, as `GradualWeightPruning` does.

    A channel that is zero has no gradient and never comes back.

    Raises:
        UsageError: Batch normalisation was folded away.
    """

    def __init__(self, net: nn.Sequential, share: float) -> None:
        self._net, self._share, self._steps = net, share, 0
        self._channels = list(hidden_channels(net))
        if any(not isinstance(maker[1], nn.BatchNorm2d) for channels in self._channels for maker in channels.makers):
            raise UsageError(
                "channels fade by their batch normalisation, which another setting folds away",
                "take them at once: channel-pruned-N instead of channel-pruned-N-gradual",
            )
        self._kept = [torch.ones(len(importance(channels)), dtype=torch.bool) for channels in self._channels]

    def after_step(self, progress: float) -> None:
        """Choose further channels now and then, and the last ones at the end; zero what is not kept."""
        if (self._steps % EVERY == 0 and in_ramp(progress)) or progress == 1:
            self._choose(cubic(progress))
        self._steps += 1
        with torch.no_grad():
            for channels, kept in zip(self._channels, self._kept, strict=True):
                _mask(channels, kept)

    def state(self) -> dict[str, Any]:
        """What is kept, and the number of steps."""
        return {"kept": self._kept, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over both."""
        self._kept, self._steps = state["kept"], state["steps"]

    def finish(self) -> None:
        """The zero channels leave: what is left computes the same."""
        prune_channels(self._net, self._share)

    def _choose(self, grown: float) -> None:
        for place, channels in enumerate(self._channels):
            score = importance(channels)
            leaving = round(grown * (len(score) - remaining_channels(len(score), self._share)))
            self._kept[place][score.argsort(stable=True)[:leaving]] = False


def _mask(channels: HiddenChannels, kept: torch.Tensor) -> None:
    for maker in channels.makers:
        maker[1].weight.mul_(kept)
        maker[1].bias.mul_(kept)
    channels.reader.weight.mul_(kept.view(1, -1, *[1] * (channels.reader.weight.ndim - 2)))
