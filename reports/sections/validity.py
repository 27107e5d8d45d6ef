"""Validity: findings about the environment, and cases whose times cannot be trusted, each with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.verdict import TIMED, Finding, Status, spoiled
from reports.data import CaseView, ReportData, Run
from reports.section import Section, Template

_TEMPLATE = Template.beside(__file__)

_ORDER = {"fail": 0, "warn": 1, "unknown": 2, "ok": 3}
_MARKS = {"fail": "✕", "warn": "!", "unknown": "?", "ok": "✓"}
_TONES = {"fail": "bad", "warn": "doubt", "unknown": "none", "ok": "good"}


@dataclass(frozen=True)
class ValidityItem:
    """One line of the panel.

    Attributes:
        mark: Its sign.
        tone: Its CSS class.
        title: Its heading.
        text: What was found.
        remedy: What to do.
        cases: The cases it applies to.
        same_reason: All cases have the same reason, which is `text`.

    """

    mark: str
    tone: str
    title: str
    text: str
    remedy: str
    cases: Sequence[CaseView] = ()
    same_reason: bool = True


def render(data: ReportData) -> Markup:
    """Render the findings of the newest run of each piece of hardware by severity, then the cases by verdict."""
    names = {unit.name: f"{unit.name}: " if data.several_units else "" for unit in data.units}
    items = [item for unit in data.units for item in _findings(unit.newest, names[unit.name])]
    items += _untrusted(data)
    items += _warnings(data)
    items += [item for unit in data.units for run in unit.runs for item in _missing_records(run, names[unit.name])]
    problems = [item for item in items if item.tone in ("bad", "doubt")]
    return _TEMPLATE.render(problems=problems, others=[item for item in items if item not in problems])


def _findings(run: Run, prefix: str) -> list[ValidityItem]:
    ordered = sorted(run.header.findings, key=lambda finding: _ORDER[finding.status])
    return [ValidityItem(_MARKS[f.status], _TONES[f.status], prefix + f.check, f.found, f.remedy) for f in ordered]


def _untrusted(data: ReportData) -> list[ValidityItem]:
    """Return one line per verdict and remedy, so that twenty contended cases make one line."""
    groups: dict[tuple[Status, str], list[CaseView]] = {}
    for case in data.cases:
        verdict = case.record.verdict
        if not case.trusts(TIMED):
            groups.setdefault((verdict.status, verdict.remedy), []).append(case)
    return [_group(status, remedy, cases) for (status, remedy), cases in groups.items()]


def _warnings(data: ReportData) -> list[ValidityItem]:
    """Return one line per warning about accuracy, time or memory, with the cases it holds for."""
    groups: dict[Finding, list[CaseView]] = {}
    for case in data.cases:
        for finding in (*case.record.accuracy_findings, *case.record.time_findings):
            groups.setdefault(finding, []).append(case)
    return [ValidityItem("!", "doubt", f.check, f.found, f.remedy, cases) for f, cases in groups.items()]


def _missing_records(run: Run, prefix: str) -> list[ValidityItem]:
    """Return one line per damaged record, and one for all planned cases without a record."""
    items = [
        ValidityItem("✕", "bad", f"{prefix}damaged record", reason, "the other records are not affected")
        for reason in run.contents.damaged.values()
    ]
    if run.missing:
        interrupted = run.header.ended_utc is None or run.header.interrupted
        reason = "the run was interrupted" if interrupted else "no record"
        names = ", ".join(run.missing[:5]) + (f" and {len(run.missing) - 5} more" if len(run.missing) > 5 else "")
        title = f"{prefix}{len(run.missing)} not measured"
        items.append(ValidityItem("!", "doubt", title, f"{reason}: {names}", "resume or repeat the run"))
    return items


def _group(status: Status, remedy: str, cases: Sequence[CaseView]) -> ValidityItem:
    reasons = {case.record.verdict.reason for case in cases}
    title = status if len(cases) == 1 else f"{len(cases)} {status}"
    text = next(iter(reasons)) if len(reasons) == 1 else f"for example: {cases[0].record.verdict.reason}"
    limits = f"not to be relied on: {spoiled(status)}" if cases[0].record.verdict.ran else ""
    text = "; ".join(filter(None, (text, limits)))
    return ValidityItem(cases[0].mark, cases[0].tone, title, text, remedy, cases, len(reasons) == 1)


PLUGINS: tuple[Section, ...] = (Section("validity", "Validity", 20, render),)
