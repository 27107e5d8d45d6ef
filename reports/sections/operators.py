"""Operators: which take most of the time of an inference, and which fell back to another provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from reports.data import CaseView, ReportData
from reports.numbers import format_number
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_TOP = 8


@dataclass(frozen=True)
class OperatorRow:
    """One type of operator on one provider.

    Attributes:
        type: Its type.
        provider: What ran it.
        microseconds: Its time per inference.
        share: Its share of the inference, from 0 to 1.
        fell_back: It ran on another provider than the requested one.

    """

    type: str
    provider: str
    microseconds: str
    share: float
    fell_back: bool


@dataclass(frozen=True)
class CaseOperators:
    """One case.

    Attributes:
        case: The case.
        rows: Its most expensive operators.
        rest: Share of the inference that the others take, from 0 to 1.
        summary: A sentence on what fell back.

    """

    case: CaseView
    rows: Sequence[OperatorRow]
    rest: float
    summary: str


def render(data: ReportData) -> Markup | Absent:
    """Render a table per profiled case."""
    profiles = [(case, case.record.operators) for case in data.cases]
    blocks = [_block(case, profile) for case, profile in profiles if isinstance(profile, OperatorProfile)]
    if not blocks:
        ran = [profile for case, profile in profiles if case.record.verdict.ran]
        reasons = {profile.reason for profile in ran if isinstance(profile, Missing)}
        return Absent("; ".join(sorted(reasons)) or "no case was measured")
    return _TEMPLATE.render(blocks=blocks)


def _block(case: CaseView, profile: OperatorProfile) -> CaseOperators:
    rows = [
        OperatorRow(kind, provider, format_number(ns / 1e3), ns / profile.inference_ns, provider != profile.asked)
        for (kind, provider), ns in list(profile.by_type().items())[:_TOP]
    ]
    return CaseOperators(case, rows, 1 - sum(row.share for row in rows), _summary(profile))


def _summary(profile: OperatorProfile) -> str:
    count, fallback = len(profile.operators), profile.fallen_back
    if not fallback:
        return f"All {count} operators ran on {profile.asked}."
    share = profile.share(fallback)
    return f"{len(fallback)} of {count} operators, {share:.0%} of the time, did not run on {profile.asked}."


PLUGINS: tuple[Section, ...] = (Section("operators", "Operators", 85, render),)
