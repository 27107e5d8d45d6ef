"""Settings that prune or cluster the weights of a trained net.

- ``pruned-N``: N % of the weights of the pointwise convolutions become zero gradually during fine-tuning;
  ``pruned-N-one-shot``: all at once, before fine-tuning.
- ``channel-pruned-N``: N % of the channels inside each block are removed before fine-tuning;
  ``channel-pruned-N-gradual``: they are zeroed gradually during fine-tuning and removed at the end.
- ``clustered-32``: the weights of each dense layer share 32 values, which 5 bits and a table can hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ANY_PROCESSOR, SPARSE_KERNELS, Compression, FineTuningSetting

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.training_hooks import TrainingHooks


class Pruned(FineTuningSetting):
    """Zeros at any place: a file that packs well and computes as much as before."""

    note = "unstructured sparsity does not run faster on this runtime: only the compressed file shrinks"
    faster_with = SPARSE_KERNELS

    def __init__(self, percent: int, *, gradual: bool = True) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"pruned-{percent}" + ("" if gradual else "-one-shot")
        how = "gradually" if gradual else "all at once, then fine-tuned"
        self.description = f"{percent} % of the pointwise weights are zero, pruned {how}"

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Growing sparsity, or all of it from the start; see `suites.nn.weight_pruning`."""
        from suites.nn.weight_pruning import GradualWeightPruning, OneShotWeightPruning

        return (GradualWeightPruning if self.gradual else OneShotWeightPruning)(net, self.percent / 100)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which weights are chosen."""
        schedule = "cubic" if self.gradual else "one-shot"
        return {"zeros_of_pointwise": self.percent / 100, "importance": "magnitude", "schedule": schedule}


class ChannelPruned(FineTuningSetting):
    """A smaller dense net, faster on every runtime."""

    note = "a smaller dense net: faster on every processor and runtime"
    epochs = 2
    faster_with = ANY_PROCESSOR

    def __init__(self, percent: int, *, gradual: bool = False) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"channel-pruned-{percent}" + ("-gradual" if gradual else "")
        how = "gone by and by while the net is tuned" if gradual else "fine-tuned"
        self.description = f"{percent} % fewer channels inside each block, {how}"

    def restructure(self, net: nn.Sequential) -> None:
        """Take the channels of least norm; see `suites.nn.channel_pruning`."""
        from suites.nn.channel_pruning import prune_channels

        prune_channels(net, self.percent / 100)

    def before_training(self, net: nn.Sequential) -> None:
        """All channels are there at first where they leave by and by."""
        if not self.gradual:
            self.restructure(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Fading channels, or nothing; see `suites.nn.channel_pruning`."""
        from suites.nn.channel_pruning import GradualChannelPruning

        return GradualChannelPruning(net, self.percent / 100) if self.gradual else super().hooks(net)

    def parameters(self) -> dict[str, Any]:
        """The share, and the rule by which channels are chosen."""
        schedule = {"schedule": "cubic"} if self.gradual else {}
        return {"channels_taken": self.percent / 100, "importance": "L2 norm over the block's layers", **schedule}


class Clustered(FineTuningSetting):
    """Weights stay fp32 in the file; the equal values pack well. Not tuned afterwards."""

    note = "computes as before: only the compressed file shrinks"
    epochs = 0

    def __init__(self, values: int) -> None:
        self.values = values
        self.name = f"clustered-{values}"
        self.description = f"the weights of each dense layer share {values} values"

    def restructure(self, net: nn.Sequential) -> None:
        """Fold batch normalisation, which would spread the values again, then share them."""
        from suites.nn.blocks import fold_batch_norm
        from suites.nn.weight_pruning import cluster_weights

        cluster_weights(fold_batch_norm(net), self.values)

    def parameters(self) -> dict[str, Any]:
        """The values of a layer, and how they are found."""
        return {"values_a_layer": self.values, "method": "k-means from an even start"}


PLUGINS: tuple[Compression, ...] = (
    *tuple(Pruned(percent, gradual=gradual) for percent in (50, 70, 80, 90) for gradual in (True, False)),
    *tuple(ChannelPruned(percent, gradual=gradual) for percent in (25, 50) for gradual in (False, True)),
    Clustered(32),
)
