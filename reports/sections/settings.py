"""What each setting can bring on the machine it ran on, beside what it brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.diagnosis.precision import prospects
from reports.data import CaseView, ReportData
from reports.numbers import TIMES
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

REFERENCE = "fp32"


@dataclass(frozen=True)
class Row:
    """One setting on one runtime: what to expect, and latency and size over those of fp32, in words."""

    setting: str
    runtime: str
    expected: Sequence[str]
    latency: str
    size: str


Place = tuple[object, ...]


def render(data: ReportData) -> Markup | Absent:
    """One row a setting and runtime."""
    groups: dict[tuple[str, str, str], list[CaseView]] = {}
    for case in data.cases:
        one = case.record.case
        groups.setdefault((one.compression, one.runtime, case.record.target), []).append(case)
    bases = {_place(case): case for case in data.cases if case.record.case.compression == REFERENCE}
    made = [cases for cases in groups.values() if any(case.record.artifact for case in cases)]
    rows = [_row(cases, bases) for cases in made if cases[0].record.case.compression != REFERENCE]
    told = [row for row in rows if row.expected]
    return _TEMPLATE.render(rows=told) if told else Absent("no case ran under a setting that is known here")


def _place(case: CaseView) -> Place:
    """What two settings of one net have in common."""
    one = case.record.case
    return one.model, one.runtime, one.threads, case.load, case.record.target


def _row(cases: Sequence[CaseView], bases: Mapping[Place, CaseView]) -> Row:
    first = cases[0]
    one = first.record.case
    isa = frozenset(first.run.header.host.get("isa") or ())
    pairs = [(case, bases[_place(case)]) for case in cases if _place(case) in bases]
    return Row(
        one.compression,
        one.runtime,
        prospects(one.compression, isa),
        _over_fp32([pair for pair in pairs if all(case.trusted for case in pair)], "latency_p50_ns"),
        _over_fp32(pairs, "artifact_bytes"),
    )


def _over_fp32(pairs: Sequence[tuple[CaseView, CaseView]], name: str) -> str:
    """The ratios to fp32 of all nets, from the least to the largest; '' where none can be told."""
    both = [(case.record.value(name), base.record.value(name)) for case, base in pairs]
    ratios = sorted(value / reference for value, reference in both if value and reference)
    if not ratios:
        return ""
    ends = [f"{ratio:.2f}" for ratio in (ratios[0], ratios[-1])]
    return TIMES + " to ".join(dict.fromkeys(ends)) + (f" ({len(ratios)} cases)" if len(ratios) > 1 else "")


PLUGINS: tuple[Section, ...] = (Section("settings", "What a setting can bring", 62, render),)
