"""The fire module of SqueezeNet."""

from __future__ import annotations

import torch
from torch import nn


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and by 3x3 side by side (arXiv 1602.07360, figure 1); no batch normalisation."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.narrow = nn.Conv2d(squeezed, expanded, 1)
        self.wide = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x H x W to N x 2 expanded x H x W."""
        y = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat((self.narrow(y), self.wide(y)), dim=1))
