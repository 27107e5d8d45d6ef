"""Sparse and shared weights.

Unstructured pruning sets the smallest weights to zero, more and more of them during fine-tuning. Weight sharing rounds
each layer's weights to few distinct values, by k-means in one dimension.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from .training_hooks import GradualPruning

MAX_ITERATIONS = 50
"""Iterations of Lloyd's algorithm; it ends earlier when no weight changes its cluster."""


def prunable(net: nn.Module) -> Iterator[nn.Conv2d]:
    """Yield the pointwise convolutions, which have nearly all weights; all other layers stay dense."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.kernel_size == (1, 1):
            yield layer


def sparsity(net: nn.Module) -> float:
    """Return the share of zeros among the weights of all convolutions and linear layers."""
    weights = [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / sum(int(weight.numel()) for weight in weights)


class GradualWeightPruning(GradualPruning):
    """Zero the same share of the weights in every prunable layer, the smallest magnitudes first.

    A zero weight still gets gradients and may return at the next choice.

    Args:
        net: The net, whose weights are changed in place.
        share: Share of zeros at the end.
    """

    def __init__(self, net: nn.Module, share: float) -> None:
        self._share = share
        self._weights = [layer.weight for layer in prunable(net)]
        super().__init__([torch.ones_like(weight, dtype=torch.bool) for weight in self._weights])

    def _update_masks(self, share_done: float) -> None:
        for index, weight in enumerate(self._weights):
            n_zeros = round(self._share * share_done * weight.numel())
            magnitude = weight.detach().abs().flatten()
            mask = torch.ones_like(magnitude, dtype=torch.bool)
            mask[magnitude.argsort(stable=True)[:n_zeros]] = False
            self._masks[index] = mask.view_as(weight)

    def _apply_masks(self) -> None:
        for weight, mask in zip(self._weights, self._masks, strict=True):
            weight.mul_(mask)


class OneShotWeightPruning(GradualWeightPruning):
    """Zero the whole share at the first step, and the same weights until the end."""

    def _share_to_reach(self, progress: float) -> float | None:
        return 1.0 if self._steps == 0 else None


def cluster_weights(net: nn.Module, count: int) -> None:
    """Round the weights of every dense layer to at most `count` values of that layer, in place.

    Depthwise filters stay: they are few, and channels of very different magnitude would share their values.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            weight = layer.weight.detach()
            layer.weight = nn.Parameter(cluster_values(weight.flatten(), count).view_as(weight))


def cluster_values(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the nearest cluster centre of each value.

    Args:
        values: Values, shape (n,).
        count: Number of clusters; the centres start evenly over the range (arXiv 1510.00149, section 3.2).
    """
    centres = torch.linspace(float(values.min()), float(values.max()), count, dtype=values.dtype)
    cluster = torch.full_like(values, -1, dtype=torch.int64)
    for _ in range(MAX_ITERATIONS):
        edges = (centres[1:] + centres[:-1]) / 2
        before, cluster = cluster, torch.bucketize(values, edges)
        if torch.equal(before, cluster):
            break
        members = torch.bincount(cluster, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, cluster, values)
        centres = torch.where(members > 0, sums / members.clamp_min(1), centres)
    return centres[cluster]
