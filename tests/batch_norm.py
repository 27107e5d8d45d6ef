"""Batch normalisation of an untrained net: statistics from images instead of training."""

from __future__ import annotations

import torch
from torch import nn

_BATCH = 16


def calibrate_batch_norm(net: nn.Module, images: torch.Tensor) -> None:
    """Set running statistics to the means over all batches of ``images``; leaves ``net`` in evaluation mode.

    Without them activations of an untrained net shrink by orders of magnitude a layer.
    """
    layers = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a cumulative mean instead of a moving one
    net.train()
    with torch.no_grad():
        for batch in images.split(_BATCH):
            net(batch)
    net.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum  # torch.export does not take None
