"""Settings that train: facts readable without torch, and what they do to a net before and while it is tuned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.core.artifact import Format
from harness.core.plugins import load

from .base import Calibration, Compression, Yield

if TYPE_CHECKING:
    from torch import nn

    from suites.nn.hooks import TrainingHooks


class Tuned(Compression):
    """A setting that starts from a trained net, changes it and trains on.

    ``build`` takes the float file of the tuned net; ``then`` is the post-training setting that it is put through.
    """

    needs_training = True
    extra = "prepare"
    then: ClassVar[str] = "fp32"
    epochs: ClassVar[int] = 1
    learning_rate: ClassVar[float] = 0.05
    """Peak of the one-cycle schedule."""
    taught: ClassVar[bool] = False
    """Whether a teacher's outputs are learnt as well as the labels."""
    yields: Mapping[Format, Yield] = {"onnx": Yield("fp32"), "tflite": Yield("fp32")}

    def reshape(self, net: nn.Sequential) -> None:
        """Bring the trained net's layers into their final structure, in place; decided by its weights alone."""

    def begin(self, net: nn.Sequential) -> None:
        """Change them into what tuning starts from: the final structure, unless hooks come to it by and by."""
        self.reshape(net)

    def hooks(self, net: nn.Sequential) -> TrainingHooks:
        """What to do while ``net`` is tuned."""
        from suites.nn.hooks import TrainingHooks

        return TrainingHooks()

    def parameters(self) -> dict[str, Any]:
        """What goes into the recipe beside name and schedule."""
        return {}

    def _onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        load("compression", self.then).build(source, calibration, out)

    _tflite = _onnx
