"""``pruned-N``: N % of the weights of the pointwise convolutions become zero, gradually, while the net learns on.

``pruned-N-one-shot``: all at once, before it learns on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import SPARSE_KERNELS, Compression
from .tuned import Tuned

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.hooks import TrainingHooks


class Pruned(Tuned):
    """Zeros at any place: a file that packs well and computes as much as before."""

    note = "unstructured sparsity does not run faster on this runtime: only the compressed file shrinks"
    pays_on = SPARSE_KERNELS

    def __init__(self, percent: int, *, gradual: bool = True) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"pruned-{percent}" + ("" if gradual else "-one-shot")
        how = "gradually" if gradual else "all at once, then fine-tuned"
        self.description = f"{percent} % of the pointwise weights are zero, pruned {how}"

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Growing sparsity, or all of it from the start; see `suites.nn.sparse`."""
        from suites.nn.sparse import Prune, PruneAtOnce

        return (Prune if self.gradual else PruneAtOnce)(net, self.percent / 100)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which weights are chosen."""
        schedule = "cubic" if self.gradual else "one-shot"
        return {"zeros_of_pointwise": self.percent / 100, "importance": "magnitude", "schedule": schedule}


PLUGINS: tuple[Compression, ...] = tuple(
    Pruned(percent, gradual=gradual) for percent in (50, 70, 80, 90) for gradual in (True, False)
)
