"""``channel-pruned-N``: N % of the channels inside each block leave, and the narrower net is tuned.

``channel-pruned-N-gradual``: they fade one after another while the net learns on, and leave at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ANYWHERE, Compression
from .tuned import Tuned

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.hooks import TrainingHooks


class ChannelPruned(Tuned):
    """A smaller dense net, faster on every runtime."""

    note = "a smaller dense net: faster on every processor and runtime"
    epochs = 2
    pays_on = ANYWHERE

    def __init__(self, percent: int, *, gradual: bool = False) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"channel-pruned-{percent}" + ("-gradual" if gradual else "")
        how = "gone by and by while the net is tuned" if gradual else "fine-tuned"
        self.description = f"{percent} % fewer channels inside each block, {how}"

    def reshape(self, net: nn.Sequential) -> None:
        """Take the channels of least norm; see `suites.nn.narrow`."""
        from suites.nn.narrow import narrow

        narrow(net, self.percent / 100)

    def begin(self, net: nn.Sequential) -> None:
        """All channels are there at first where they leave by and by."""
        if not self.gradual:
            self.reshape(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Fading channels, or nothing; see `suites.nn.fade`."""
        from suites.nn.fade import GradualPruning

        return GradualPruning(net, self.percent / 100) if self.gradual else super().hooks(net)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which channels are chosen."""
        schedule = {"schedule": "cubic"} if self.gradual else {}
        return {"channels_taken": self.percent / 100, "importance": "L2 norm over the block's layers", **schedule}


PLUGINS: tuple[Compression, ...] = tuple(
    ChannelPruned(percent, gradual=gradual) for percent in (25, 50) for gradual in (False, True)
)
