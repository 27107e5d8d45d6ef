"""Batch normalisation folded into the convolutions before it."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from suites.nn.blocks import ConvBNAct


def fold(net: nn.Module) -> nn.Module:
    """Fold in place, as for inference; layers folded before stay. Returns ``net`` in evaluation mode."""
    for block in net.eval().modules():
        if isinstance(block, ConvBNAct) and isinstance(block[1], nn.BatchNorm2d):
            block[0], block[1] = fuse_conv_bn_eval(block[0], block[1]), nn.Identity()
    return net
