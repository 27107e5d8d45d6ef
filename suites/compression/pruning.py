"""Settings that prune or cluster the weights of a trained net.

- `pruned-N`: N % of the weights of the pointwise convolutions become zero gradually during fine-tuning;
  `pruned-N-one-shot`: all at once, before fine-tuning.
- `channel-pruned-N`: N % of the channels inside each block are removed before fine-tuning;
  `channel-pruned-N-gradual`: they become zero gradually during fine-tuning and are removed at its end.
- `clustered-32`: the weights of each dense layer share 32 values, which 5 bits and a table can hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import ANY_PROCESSOR, SPARSE_KERNELS, Compression, FineTuningSetting

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.training_hooks import TrainingHooks


class Pruned(FineTuningSetting):
    """Unstructured pruning: zeros at any position, in a file that compresses well and computes as much as before."""

    note = "unstructured sparsity does not run faster on this runtime: only the compressed file shrinks"
    faster_with = SPARSE_KERNELS

    def __init__(self, percent: int, *, gradual: bool = True) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"pruned-{percent}" + ("" if gradual else "-one-shot")
        schedule = "gradually" if gradual else "all at once, then fine-tuned"
        self.description = f"{percent} % of the pointwise weights are zero, pruned {schedule}"

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Return the pruning schedule, see `suites.nn.weight_pruning`."""
        from suites.nn.weight_pruning import GradualWeightPruning, OneShotWeightPruning

        return (GradualWeightPruning if self.gradual else OneShotWeightPruning)(net, self.percent / 100)

    def parameters(self) -> dict[str, Any]:
        """Return the share of zeros and the rule by which weights are chosen."""
        schedule = "cubic" if self.gradual else "one-shot"
        return {"zeros_of_pointwise": self.percent / 100, "importance": "magnitude", "schedule": schedule}


class ChannelPruned(FineTuningSetting):
    """Structured pruning: a smaller dense net, faster on every runtime."""

    note = "a smaller dense net: faster on every processor and runtime"
    epochs = 2
    faster_with = ANY_PROCESSOR

    def __init__(self, percent: int, *, gradual: bool = False) -> None:
        self.percent = percent
        self.gradual = gradual
        self.name = f"channel-pruned-{percent}" + ("-gradual" if gradual else "")
        schedule = "removed gradually during fine-tuning" if gradual else "then fine-tuned"
        self.description = f"{percent} % fewer channels inside each block, {schedule}"

    def restructure(self, net: nn.Sequential) -> None:
        """Remove the channels with the smallest norm, see `suites.nn.channel_pruning`."""
        from suites.nn.channel_pruning import prune_channels

        prune_channels(net, self.percent / 100)

    def before_training(self, net: nn.Sequential) -> None:
        """Remove the channels, unless they are removed gradually."""
        if not self.gradual:
            self.restructure(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Return the gradual schedule, see `suites.nn.channel_pruning`, or hooks that do nothing."""
        from suites.nn.channel_pruning import GradualChannelPruning

        return GradualChannelPruning(net, self.percent / 100) if self.gradual else super().hooks(net)

    def parameters(self) -> dict[str, Any]:
        """Return the share of removed channels and the rule by which they are chosen."""
        schedule = {"schedule": "cubic"} if self.gradual else {}
        return {"channels_taken": self.percent / 100, "importance": "L2 norm over the block's layers", **schedule}


class Clustered(FineTuningSetting):
    """Weight sharing. Weights stay fp32 in the file, whose equal values compress well. There is no training after it.

    Args:
        values: Number of distinct weights per layer.
    """

    note = "computes as before: only the compressed file shrinks"
    epochs = 0

    def __init__(self, values: int) -> None:
        self.values = values
        self.name = f"clustered-{values}"
        self.description = f"the weights of each dense layer share {values} values"

    def restructure(self, net: nn.Sequential) -> None:
        """Fold batch normalisation, which would otherwise spread the values on export, then cluster the weights."""
        from suites.nn.blocks import fold_batch_norm
        from suites.nn.weight_pruning import cluster_weights

        cluster_weights(fold_batch_norm(net), self.values)

    def parameters(self) -> dict[str, Any]:
        """Return the number of values per layer and the method."""
        return {"values_a_layer": self.values, "method": "k-means from an even start"}


PLUGINS: tuple[Compression, ...] = (
    *(Pruned(percent, gradual=gradual) for percent in (50, 70, 80, 90) for gradual in (True, False)),
    *(ChannelPruned(percent, gradual=gradual) for percent in (25, 50) for gradual in (False, True)),
    Clustered(32),
)
