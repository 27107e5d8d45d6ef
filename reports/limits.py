"""Check a limit of a suite against a record, with the result in words."""

from __future__ import annotations

from typing import NamedTuple

from harness.core.metric import METRICS, Limit
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record

from .numbers import scale_for, show


class JudgedLimit(NamedTuple):
    """A limit and what was measured.

    Attributes:
        exceeded: Whether the whole interval is beyond it; None if only part of it is, or without a trusted figure.
        measured: Whether there is such a figure.
        text: The limit, and what was found.
        found: What was found, or why there is no figure.
    """

    exceeded: bool | None
    measured: bool
    text: str
    found: str


def judge_limit(record: Record, limit: Limit) -> JudgedLimit:
    """Compare a record with a limit."""
    quantity = record.quantity(limit.metric)
    if not record.trusts(limit.metric):
        quantity = Missing(f"{record.verdict.status}: {record.verdict.reason}")
    found = _measured(limit.metric, quantity)
    return JudgedLimit(limit.exceeded_by(quantity), isinstance(quantity, Value), f"{limit.text}: {found}", found)


def _measured(metric: str, quantity: Quantity) -> str:
    if isinstance(quantity, Missing):
        return f"no figure: {quantity.reason}"
    scale = scale_for(METRICS[metric], [quantity.value])
    return f"found {show(quantity, scale).words(scale.unit)}"
