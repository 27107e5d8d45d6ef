"""Weight sharing: each layer's weights take few distinct values, by k-means in one dimension."""

from __future__ import annotations

import torch
from torch import nn

ROUNDS = 50
"""Most rounds of Lloyd's algorithm; it ends earlier where no weight changes its cluster."""


def cluster_weights(net: nn.Module, count: int) -> None:
    """Round the weights of every dense layer to at most ``count`` values of that layer, in place.

    Depthwise filters stay: they are few, and channels of very different size would share their values.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            weight = layer.weight.detach()
            layer.weight = nn.Parameter(shared(weight.flatten(), count).view_as(weight))


def shared(values: torch.Tensor, count: int) -> torch.Tensor:
    """Each value's nearest centre; centres start evenly over the range (arXiv 1510.00149, section 3.2)."""
    centres = torch.linspace(float(values.min()), float(values.max()), count, dtype=values.dtype)
    place = torch.full_like(values, -1, dtype=torch.int64)
    for _ in range(ROUNDS):
        edges = (centres[1:] + centres[:-1]) / 2
        before, place = place, torch.bucketize(values, edges)
        if torch.equal(before, place):
            break
        members = torch.bincount(place, minlength=count)
        sums = torch.zeros_like(centres).index_add_(0, place, values)
        centres = torch.where(members > 0, sums / members.clamp_min(1), centres)
    return centres[place]
