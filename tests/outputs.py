"""Outputs compared as the probe compares them, for tests that have arrays at hand."""

from __future__ import annotations

from typing import Any

from harness.core.quantity import Quantity
from harness.stats.fidelity import OutputFidelity, metrics
from harness.stats.output_comparison import OutputComparison


def compared(outputs: Any, reference: Any, name: str = "y") -> OutputFidelity:
    """The fidelity of one output, given its values and the reference's for each input."""
    comparison = OutputComparison(name, name)
    for own, other in zip(outputs, reference, strict=True):
        comparison.add(own, other)
    return comparison.result()


def compare(outputs: Any, reference: Any) -> dict[str, Quantity]:
    """The metrics of a net with this one output."""
    return metrics([compared(outputs, reference)])
