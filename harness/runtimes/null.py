"""The runtime that does nothing: its latency is the harness's own cost per inference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import FORMATS

from .base import Adapter, Batch, Capability, Options, Outputs, Session, TensorSpec

if TYPE_CHECKING:
    from harness.core.execution import Execution, OperatorProfile
    from harness.core.quantity import Missing


class NullSession(Session):
    """A session whose infer is an empty call."""

    inputs = (TensorSpec("input", (1,), "float32"),)

    def prepare(self, batch: Batch) -> None:
        """Take nothing."""

    def infer(self) -> None:
        """Do nothing."""

    def fetch(self) -> Outputs:
        """Return one zero, shaped like the output of a model with one class."""
        return {"output": np.zeros((1, 1), np.float32)}

    def info(self) -> dict[str, Any]:
        """Name the null runtime."""
        return {"library": "null", "version": "1"}

    def execution(self) -> Execution:
        """Return Missing: nothing ran."""
        from harness.core.execution import Execution
        from harness.core.quantity import Missing

        return Execution(effective=Missing("the null runtime computes nothing"))

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Return Missing: there are no operators."""
        from harness.core.quantity import Missing

        return Missing("the null runtime has no operators")


class NullRuntime(Adapter):
    """Takes any file and never opens it."""

    name = "null"
    capability = Capability(tuple(FORMATS), systems=(), device="any", by_default=False, note="measures the harness")

    def open(self, path: Path, options: Options) -> NullSession:
        """Return an empty session."""
        return NullSession()


PLUGINS: tuple[Adapter, ...] = (NullRuntime(),)
