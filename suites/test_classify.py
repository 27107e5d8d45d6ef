"""Every case of the chosen suite on this device: `pytest suites --target auto`."""

from __future__ import annotations

from collections.abc import Callable

from harness.core.case import Case
from harness.core.record import Record


def test_classify(edgebench_case: Case, edgebench_measure: Callable[[Case], Record]) -> None:
    """The case gives figures; its verdict, accuracy and energy are in the record and in `extra_info`."""
    record = edgebench_measure(edgebench_case)
    assert record.value("latency_p50_ns"), record.missing("latency_p50_ns")
