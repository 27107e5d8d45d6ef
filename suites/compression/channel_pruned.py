"""``channel-pruned-N``: N % of the channels inside each block leave, and the narrower net is tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from suites.compression.base import ANYWHERE
from suites.compression.tuned import Tuned

if TYPE_CHECKING:
    from torch import nn


class ChannelPruned(Tuned):
    """A smaller dense net, faster on every runtime."""

    note = "a smaller dense net: faster on every processor and runtime"
    epochs = 2
    pays_on = ANYWHERE

    def __init__(self, percent: int) -> None:
        self.percent = percent
        self.name = f"channel-pruned-{percent}"
        self.description = f"{percent} % fewer channels inside each block, fine-tuned"

    def reshape(self, net: nn.Sequential) -> None:
        """Take the channels of least norm; see `suites.nn.narrow`."""
        from suites.nn.narrow import narrow

        narrow(net, self.percent / 100)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which channels are chosen."""
        return {"channels_taken": self.percent / 100, "importance": "L2 norm over the block's layers"}


SETTING_25, SETTING_50 = ChannelPruned(25), ChannelPruned(50)
