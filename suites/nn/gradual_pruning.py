"""Structured pruning by and by: channels fade while the net learns on, and leave when it has learnt."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from harness.core.errors import UsageError

from .channel_pruning import Hidden, hidden, importance, narrow, places_kept
from .hooks import TrainingHooks
from .weight_pruning import EVERY, cubic, in_ramp


class GradualPruning(TrainingHooks):
    """Ever more hidden channels of every block become zero, the least important first, by the rule of `sparse.Prune`.

    A channel that is zero has no gradient: it never comes back. UsageError where batch normalisation was folded away.
    """

    def __init__(self, net: nn.Sequential, share: float) -> None:
        self._net, self._share, self._steps = net, share, 0
        self._channels = list(hidden(net))
        if any(not isinstance(maker[1], nn.BatchNorm2d) for channels in self._channels for maker in channels.makers):
            raise UsageError(
                "channels fade by their batch normalisation, which another setting folds away",
                "take them at once: channel-pruned-N instead of channel-pruned-N-gradual",
            )
        self._kept = [torch.ones(len(importance(channels)), dtype=torch.bool) for channels in self._channels]

    def stepped(self, progress: float) -> None:
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
        narrow(self._net, self._share)

    def _choose(self, grown: float) -> None:
        for place, channels in enumerate(self._channels):
            score = importance(channels)
            leaving = round(grown * (len(score) - places_kept(len(score), self._share)))
            self._kept[place][score.argsort(stable=True)[:leaving]] = False


def _mask(channels: Hidden, kept: torch.Tensor) -> None:
    for maker in channels.makers:
        maker[1].weight.mul_(kept)
        maker[1].bias.mul_(kept)
    channels.reader.weight.mul_(kept.view(1, -1, *[1] * (channels.reader.weight.ndim - 2)))
