"""Settings that fine-tune a trained net: `fine-tuned`, `distilled` and `int8-qat`.

`distilled` learns a teacher's outputs as well as the labels; `fine-tuned` follows the same schedule with the labels
alone and is its baseline. `int8-qat` fine-tunes with int8 rounding, then quantizes as `int8-static` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .base import INT8_DOT_PRODUCT, Compression, FineTuningSetting
from .int8_static import INT8_STATIC

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.training_hooks import TrainingHooks


DISTILLATION_TEMPERATURE = 1.0
"""Logits are divided by it (arXiv 1503.02531). With 3, usual for larger nets, two students of three were worse than
without a teacher (docs/compression.md)."""

TEACHER_WEIGHT = 0.9
"""Share of the loss that comes from the teacher."""


class FineTuned(FineTuningSetting):
    """The net trained further on the labels."""

    name = "fine-tuned"
    description = "trained further on the labels: the baseline of distilled"
    note = "same graph as without: any gain is in accuracy"
    epochs = 6
    learning_rate = 0.1

    def parameters(self) -> dict[str, Any]:
        """Return what is learned from."""
        return {"learns_from": "labels"}


class Distilled(FineTuned):
    """The net trained further on a teacher's outputs. It costs nothing on a device: same graph, other weights."""

    name = "distilled"
    description = "trained further on the outputs of a larger net of the family and the labels"
    distills = True

    def parameters(self) -> dict[str, Any]:
        """Return the temperature and the teacher's share of the loss."""
        return {"temperature": DISTILLATION_TEMPERATURE, "teacher_weight": TEACHER_WEIGHT}


class Int8Qat(FineTuningSetting):
    """Quantization-aware training. The deployed graph is that of `int8-static`; only the weights differ."""

    name = "int8-qat"
    description = "int8-static after fine-tuning with the rounding simulated in training"
    formats = INT8_STATIC.formats
    needs_calibration = True
    faster_with = INT8_DOT_PRODUCT
    post_training = "int8-static"
    learning_rate: ClassVar[float] = 0.004  # low, since batch normalisation is folded

    def restructure(self, net: nn.Sequential) -> None:
        """Fold batch normalisation, so that the weights that are rounded are those that are deployed."""
        from suites.nn.blocks import fold_batch_norm

        fold_batch_norm(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Return the rounding of inputs and weights, see `suites.nn.fake_quantize`."""
        from suites.nn.fake_quantize import FakeQuantize

        return FakeQuantize(net)

    def parameters(self) -> dict[str, Any]:
        """Return what is rounded, and how."""
        return {"weights": "s8 per channel", "activations": "u8 per tensor, moving average", "batch_norm": "folded"}


PLUGINS: tuple[Compression, ...] = (Distilled(), FineTuned(), Int8Qat())
