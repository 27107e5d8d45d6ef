"""Settings: what each can gain on the machine it ran on, and what it gained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.diagnosis.precision import prospects
from reports.data import CaseView, ReportData
from reports.numbers import TIMES
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_BASELINE = "fp32"


@dataclass(frozen=True)
class Row:
    """One setting on one runtime.

    Attributes:
        setting: The compression.
        runtime: The runtime.
        unit: The piece of hardware.
        expected: What to expect.
        latency: Latency relative to fp32.
        size: Size of the model file relative to fp32.

    """

    setting: str
    runtime: str
    unit: str
    expected: Sequence[str]
    latency: str
    size: str


Key = tuple[object, ...]


def render(data: ReportData) -> Markup | Absent:
    """Render one row per setting and runtime."""
    groups: dict[tuple[str, str, str], list[CaseView]] = {}
    for case in data.cases:
        identity = case.record.case
        groups.setdefault((identity.compression, identity.runtime, case.unit), []).append(case)
    baselines = {_key(case): case for case in data.cases if case.record.case.compression == _BASELINE}
    rows = [
        _row(cases, baselines)
        for cases in groups.values()
        if cases[0].record.case.compression != _BASELINE and any(case.record.artifact for case in cases)
    ]
    described = [row for row in rows if row.expected]
    several = data.several_units
    return (
        _TEMPLATE.render(rows=described, several_units=several)
        if described
        else Absent("no case used a setting with a description")
    )


def _key(case: CaseView) -> Key:
    """Return what two settings of a model have in common."""
    identity = case.record.case
    return identity.model, identity.runtime, identity.threads, case.load, case.unit


def _row(cases: Sequence[CaseView], baselines: Mapping[Key, CaseView]) -> Row:
    first = cases[0]
    identity = first.record.case
    isa = frozenset(first.run.header.host.get("isa") or ())
    pairs = [(case, baselines[_key(case)]) for case in cases if _key(case) in baselines]
    return Row(
        identity.compression,
        identity.runtime,
        first.unit,
        prospects(identity.compression, isa),
        _over_fp32(pairs, "latency_p50_ns"),
        _over_fp32(pairs, "artifact_bytes"),
    )


def _over_fp32(pairs: Sequence[tuple[CaseView, CaseView]], name: str) -> str:
    """Return the range of the ratios to fp32 over all models for which both values are trusted; '' without any."""
    values = [tuple(case.record.trusted_value(name) for case in pair) for pair in pairs]
    ratios = sorted(value / baseline for value, baseline in values if value and baseline)
    if not ratios:
        return ""
    ends = [f"{ratio:.2f}" for ratio in (ratios[0], ratios[-1])]
    return TIMES + " to ".join(dict.fromkeys(ends)) + (f" ({len(ratios)} cases)" if len(ratios) > 1 else "")


PLUGINS: tuple[Section, ...] = (Section("settings", "What each setting can gain", 62, render),)
