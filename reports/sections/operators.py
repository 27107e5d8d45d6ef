"""Where the time of an inference goes: the operators that take most of it, and those that ran elsewhere than asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.execution import OperatorProfile
from reports.data import CaseView, ReportData
from reports.numbers import format_number
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_TOP = 8


@dataclass(frozen=True)
class OperatorRow:
    """One kind of operator: what it is, what ran it, its time (us) and its part of the inference (0 to 1)."""

    type: str
    provider: str
    microseconds: str
    share: float
    fallen_back: bool


@dataclass(frozen=True)
class CaseOperators:
    """One case: its largest operators, what the rest takes, and a sentence on what fell back."""

    case: CaseView
    lines: Sequence[OperatorRow]
    rest: float
    summary: str


def render(data: ReportData) -> Markup | Absent:
    """A table a profiled case."""
    found = [(case, case.record.operators) for case in data.cases]
    blocks = [_block(case, profile) for case, profile in found if isinstance(profile, OperatorProfile)]
    if not blocks:
        reasons = {profile.reason for _, profile in found if not isinstance(profile, OperatorProfile)}
        return Absent("; ".join(sorted(reasons)) or "no case was measured")
    return _TEMPLATE.render(blocks=blocks)


def _block(case: CaseView, profile: OperatorProfile) -> CaseOperators:
    lines = [
        OperatorRow(kind, provider, format_number(ns / 1e3), ns / profile.inference_ns, provider != profile.asked)
        for (kind, provider), ns in list(profile.by_type().items())[:_TOP]
    ]
    return CaseOperators(case, lines, 1 - sum(line.share for line in lines), _summary(profile))


def _summary(profile: OperatorProfile) -> str:
    count, fallen = len(profile.operators), profile.fallen_back
    if not fallen:
        return f"All {count} operators ran on {profile.asked}."
    share = profile.share(fallen)
    return f"{len(fallen)} of {count} operators, {share:.0%} of the time, ran elsewhere than on {profile.asked}."


PLUGINS: tuple[Section, ...] = (Section("operators", "Operators", 85, render),)
