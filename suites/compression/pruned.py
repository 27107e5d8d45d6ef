"""``pruned-N``: N % of the weights of the pointwise convolutions become zero, gradually, while the net learns on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suites.compression.tuned import Tuned

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.hooks import Hooks


class Pruned(Tuned):
    """Zeros at any place: a file that packs well and computes as much as before."""

    note = "unstructured zeros do not run faster on these runtimes: only the compressed file shrinks"

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.name = f"pruned-{percent}"
        self.description = f"{percent} % of the pointwise weights are zero, pruned gradually"

    def hooks(self, net: nn.Sequential) -> Hooks:
        """Growing sparsity; see `suites.nn.sparse`."""
        from suites.nn.sparse import Prune

        return Prune(net, self.percent / 100)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which weights are chosen."""
        return {"zeros_of_pointwise": self.percent / 100, "importance": "magnitude", "schedule": "cubic"}


SETTING_50, SETTING_70, SETTING_80, SETTING_90 = Pruned(50), Pruned(70), Pruned(80), Pruned(90)
