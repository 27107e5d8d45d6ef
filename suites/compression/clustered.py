"""``clustered-32``: each dense layer's weights share 32 values, so that 5 bits and a table would hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Compression
from .tuned import Tuned

if TYPE_CHECKING:
    from torch import nn


class Clustered(Tuned):
    """Weights stay fp32 in the file; the equal values pack well. Not tuned afterwards."""

    note = "computes as before: only the compressed file shrinks"
    epochs = 0

    def __init__(self, values: int) -> None:
        self.values = values
        self.name = f"clustered-{values}"
        self.description = f"the weights of each dense layer share {values} values"

    def reshape(self, net: nn.Sequential) -> None:
        """Fold batch normalisation, which would spread the values again, then share them."""
        from suites.nn.blocks import fold
        from suites.nn.cluster import cluster

        cluster(fold(net), self.values)

    def parameters(self) -> dict[str, Any]:
        """The values of a layer, and how they are found."""
        return {"values_a_layer": self.values, "method": "k-means from an even start"}


PLUGINS: tuple[Compression, ...] = (Clustered(32),)
