"""Settings that fine-tune a trained net: ``fine-tuned``, ``distilled`` and ``int8-qat``.

``distilled`` learns a teacher's outputs as well as the labels; ``fine-tuned`` follows the same schedule with the labels
alone and is its baseline. ``int8-qat`` fine-tunes with int8 rounding, then quantizes as ``int8-static`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .base import INT8_DOT_PRODUCT, Compression, FineTuningSetting
from .int8_static import INT8_STATIC as STATIC

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.training_hooks import TrainingHooks


TEMPERATURE, WEIGHT = 1.0, 0.9
"""Logits are divided by the temperature; the weight is the teacher's share of the loss (arXiv 1503.02531).

At 1 the outputs are learnt as they are. At 3, usual for larger nets, two pupils of three did worse than without a
teacher (docs/compression.md).
"""


class FineTuned(FineTuningSetting):
    """The net learns on from where its training ended."""

    name = "fine-tuned"
    description = "trained on with the labels: what distilled is to be compared with"
    note = "same graph as without: any gain is in accuracy"
    epochs = 6
    learning_rate = 0.1

    def parameters(self) -> dict[str, Any]:
        """What is learnt from."""
        return {"learns_from": "labels"}


class Distilled(FineTuned):
    """Costs nothing on the device: same graph, other weights."""

    name = "distilled"
    description = "trained on with the outputs of a larger net of the family as well as the labels"
    distills = True

    def parameters(self) -> dict[str, Any]:
        """Temperature and share of the teacher."""
        return {"temperature": TEMPERATURE, "teacher_weight": WEIGHT}


class Int8Qat(FineTuningSetting):
    """Quantisation-aware training with one deployed graph for both kinds: QAT changes weights, nothing else."""

    name = "int8-qat"
    description = "int8-static after tuning with the rounding simulated in training"
    formats = STATIC.formats
    needs_calibration = True
    faster_with = INT8_DOT_PRODUCT
    post_training = "int8-static"
    learning_rate: ClassVar[float] = 0.004
    """Low, since nothing normalises any more."""

    def restructure(self, net: nn.Sequential) -> None:
        """Fold batch normalisation first: the weights to round are those that are deployed."""
        from suites.nn.blocks import fold_batch_norm

        fold_batch_norm(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Rounding of inputs and weights; see `suites.nn.fake_quantize`."""
        from suites.nn.fake_quantize import FakeQuantize

        return FakeQuantize(net)

    def parameters(self) -> dict[str, Any]:
        """What is rounded, and how."""
        return {"weights": "s8 per channel", "activations": "u8 per tensor, moving average", "batch_norm": "folded"}


PLUGINS: tuple[Compression, ...] = (
    Distilled(),
    FineTuned(),
    Int8Qat(),
)
