"""Weight sharing: each layer's weights take few distinct values, by k-means in one dimension.

Unstructured pruning: the smallest weights become zero, more and more of them while the net learns on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .training_hooks import TrainingHooks

MAX_ITERATIONS = 50
"""Most rounds of Lloyd's algorithm; it ends earlier where no weight changes its cluster."""


def cluster_weights(net: nn.Module, count: int) -> None:
    """Round the weights of every dense layer to at most ``count`` values of that layer, in place.

    Depthwise filters stay: they are few, and channels of very different size would share their values.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            weight = layer.weight.detach()
            layer.weight = nn.Parameter(cluster_values(weight.flatten(), count).view_as(weight))


def cluster_values(values: torch.Tensor, count: int) -> torch.Tensor:
    """Each value's nearest centre; centres start evenly over the range (arXiv 1510.00149, section 3.2)."""
    centres = torch.linspace(float(values.min()), float(values.max()), count, dtype=values.dtype)
    place = torch.full_like(values, -1, dtype=torch.int64)
    for _ in range(MAX_ITERATIONS):
        edges = (centres[1:] + centres[:-1]) / 2
        before, place = place, torch.bucketize(values, edges)
        if torch.equal(before, place):
            break
        members = torch.bincount(place, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, place, values)
        centres = torch.where(members > 0, sums / members.clamp_min(1), centres)
    return centres[place]


RAMP = 0.6
"""Share of all steps over which sparsity grows; the rest of them lets the remaining weights settle."""
EVERY = 25
"""Steps between two choices of the weights that are zero."""


def cubic(progress: float) -> float:
    """Share of the pruning that is done at this share of the steps: fast at first, 1 from the ramp's end on."""
    return 1 - (1 - min(progress / RAMP, 1)) ** 3


def in_ramp(progress: float) -> bool:
    """Whether it is still to be chosen what leaves; a little longer than the ramp, so that its end is met."""
    return progress <= RAMP + 0.1


def prunable(net: nn.Module) -> Iterator[nn.Conv2d]:
    """Pointwise convolutions: nearly all weights. Stem, depthwise filters and the classifier stay dense."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.kernel_size == (1, 1):
            yield layer


def sparsity(net: nn.Module) -> float:
    """Share of zeros among the weights of all convolutions and linear layers."""
    weights = [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / sum(int(weight.numel()) for weight in weights)


class GradualWeightPruning(TrainingHooks):
    """In every prunable layer the same share of weights, by magnitude, growing by the cubic rule of arXiv 1710.01878.

    A weight that is zero still gets gradients and may come back at the next choice.
    """

    def __init__(self, net: nn.Module, share: float) -> None:
        self._share = share
        self._weights = [layer.weight for layer in prunable(net)]
        self._kept = [torch.ones_like(weight, dtype=torch.bool) for weight in self._weights]
        self._steps = 0

    def after_step(self, progress: float) -> None:
        """Choose anew now and then, and at the end of the ramp for good; zero what is not kept."""
        if self._due(progress):
            self._choose(self._aim(progress))
        self._steps += 1
        with torch.no_grad():
            for weight, kept in zip(self._weights, self._kept, strict=True):
                weight.mul_(kept)

    def state(self) -> dict[str, Any]:
        """What is kept, and the number of steps."""
        return {"kept": self._kept, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over both."""
        self._kept, self._steps = state["kept"], state["steps"]

    def _due(self, progress: float) -> bool:
        return (self._steps % EVERY == 0 and in_ramp(progress)) or progress == 1

    def _aim(self, progress: float) -> float:
        """The share of zeros by now."""
        return self._share * cubic(progress)

    def _choose(self, share: float) -> None:
        for place, weight in enumerate(self._weights):
            zeros = round(share * weight.numel())
            size = weight.detach().abs().flatten()
            kept = torch.ones_like(size, dtype=torch.bool)
            kept[size.argsort(stable=True)[:zeros]] = False
            self._kept[place] = kept.view_as(weight)


class OneShotWeightPruning(GradualWeightPruning):
    """The whole share at the first step, and the same weights to the end."""

    def _due(self, progress: float) -> bool:
        return self._steps == 0

    def _aim(self, progress: float) -> float:
        return self._share
