"""May the numbers be trusted? Environment findings and untrusted cases, each with its remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.data import CaseView, ReportData, Run
from reports.section import Section, Template

_TEMPLATE = Template.beside(__file__)

_ORDER = {"fail": 0, "warn": 1, "unknown": 2, "ok": 3}
_MARKS = {"fail": "✕", "warn": "!", "unknown": "?", "ok": "✓"}
_TONES = {"fail": "bad", "warn": "doubt", "unknown": "none", "ok": "good"}


@dataclass(frozen=True)
class ValidityItem:
    """One line of the panel: a sign, what was seen, what to do, and the cases it is about, each with its own reason.

    `alike`: all cases give the same reason, which is `found`.
    """

    mark: str
    tone: str
    title: str
    found: str
    remedy: str
    cases: Sequence[CaseView] = ()
    alike: bool = True


def render(data: ReportData) -> Markup:
    """The panel: findings of the newest run of each target first by severity, then cases by verdict."""
    lines = [line for run in _newest_by_target(data) for line in _findings(run, len(data.runs) > 1)]
    lines += _cases(data)
    shown = [line for line in lines if line.tone in ("bad", "doubt")]
    return _TEMPLATE.render(shown=shown, folded=[line for line in lines if line not in shown], data=data)


def _newest_by_target(data: ReportData) -> list[Run]:
    return list({run.header.target: run for run in data.runs}.values())


def _findings(run: Run, several: bool) -> list[ValidityItem]:
    ordered = sorted(run.header.findings, key=lambda finding: _ORDER[finding.status])
    where = f"{run.header.target}: " if several else ""
    return [ValidityItem(_MARKS[f.status], _TONES[f.status], where + f.check, f.found, f.remedy) for f in ordered]


def _cases(data: ReportData) -> list[ValidityItem]:
    """One line a verdict and remedy: twenty contended cases are one fact, however their figures differ."""
    groups: dict[tuple[str, str], list[CaseView]] = {}
    for case in data.cases:
        verdict = case.record.verdict
        if not case.trusted:
            groups.setdefault((verdict.status, verdict.remedy), []).append(case)
    lines = [_group(status, remedy, cases) for (status, remedy), cases in groups.items()]
    for run in data.runs:
        lines += [
            ValidityItem("✕", "bad", "damaged record", reason, "the other records are whole")
            for reason in run.contents.damaged.values()
        ]
        if run.missing:
            why = "the run was interrupted" if run.header.ended_utc is None or run.header.interrupted else "no record"
            names = ", ".join(run.missing[:5]) + (f" and {len(run.missing) - 5} more" if len(run.missing) > 5 else "")
            lines.append(ValidityItem("!", "doubt", f"{len(run.missing)} not measured", f"{why}: {names}", "run again"))
    return lines


def _group(status: str, remedy: str, cases: Sequence[CaseView]) -> ValidityItem:
    reasons = {case.record.verdict.reason for case in cases}
    title = status if len(cases) == 1 else f"{len(cases)} {status}"
    found = next(iter(reasons)) if len(reasons) == 1 else f"such as: {cases[0].record.verdict.reason}"
    return ValidityItem(cases[0].mark, cases[0].tone, title, found, remedy, cases, len(reasons) == 1)


PLUGINS: tuple[Section, ...] = (Section("validity", "Validity", 20, render),)
