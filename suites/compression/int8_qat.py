"""``int8-qat``: tuned with int8 rounding in the loop, then quantised as ``int8-static`` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .base import INT8_DOT_PRODUCT, Compression, Tuned
from .int8_static import SETTING as STATIC

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.hooks import TrainingHooks


class Int8Qat(Tuned):
    """Quantisation-aware training with one deployed graph for both kinds: QAT changes weights, nothing else."""

    name = "int8-qat"
    description = "int8-static after tuning with the rounding simulated in training"
    yields = STATIC.yields
    needs_calibration = True
    pays_on = INT8_DOT_PRODUCT
    then = "int8-static"
    learning_rate: ClassVar[float] = 0.004
    """Low, since nothing normalises any more."""

    def reshape(self, net: nn.Sequential) -> None:
        """Fold batch normalisation first: the weights to round are those that are deployed."""
        from suites.nn.blocks import fold

        fold(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """Rounding of inputs and weights; see `suites.nn.fake_quantise`."""
        from suites.nn.fake_quantise import FakeQuantise

        return FakeQuantise(net)

    def parameters(self) -> dict[str, Any]:
        """What is rounded, and how."""
        return {"weights": "s8 per channel", "activations": "u8 per tensor, moving average", "batch_norm": "folded"}


PLUGINS: tuple[Compression, ...] = (Int8Qat(),)
