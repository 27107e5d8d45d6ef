"""Every case of the chosen suite on this device: `pytest suites --target auto`."""

from __future__ import annotations

from collections.abc import Callable

from harness.core.case import Case
from harness.core.record import Record


def test_classify(edgebench_case: Case, edgebench_measure: Callable[[Case], Record]) -> None:
    """The case gives figures, else this fails or is skipped with the reason; verdict and accuracy are in the record."""
    edgebench_measure(edgebench_case)
