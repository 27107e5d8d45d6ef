"""Verdict: the result on each piece of hardware, in one sentence and a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.quantity import Value
from harness.core.verdict import TIMED, trust_counts
from harness.store.comparison import Change, Comparison
from reports.answer import answers, figure_of, has_file, reasons_of
from reports.data import CaseView, ReportData, Unit
from reports.labels import main_load
from reports.nights import night_of
from reports.numbers import counted, format_change, half_width
from reports.recommend import best_first, of_one_dataset
from reports.scenarios import main_metric
from reports.section import Section, Template
from reports.text import when
from reports.trend import case_trends

_TEMPLATE = Template.beside(__file__)
_MOST_ANSWERS = 3
"""Models whose answers stand on the first screen; those of further ones are folded."""


@dataclass(frozen=True)
class Shipped:
    """What to ship of one model.

    Attributes:
        model: The model.
        case: The case to ship; None where there is none.
        figure: The figure by which it is the best, with its interval.
        reasons: Why it is the one; without a case, why there is none.
        file: The file to ship, for a model of the user's own.

    """

    model: str
    case: CaseView | None
    figure: str
    reasons: str
    file: str


@dataclass(frozen=True)
class Headline:
    """The verdict on one piece of hardware.

    Attributes:
        name: Its name.
        headline: What changed since its baseline, else how far its times can be trusted.
        tone: CSS class of the banner: good, doubt or bad.
        compared_with: The run that it is compared with; '' if there is none.
        history: How many runs there are, the last change of level, and what the newest night found; none for a few.
        cases: How far its times can be trusted; how many cases it has, where the headline says that.
        others: Cases by verdict, without those that were named.
        missing: Number of planned cases without a record.
        answers: What to ship of each model.
        best_cases: (title, case or None, metric, why there is none) of the best cases.
        rank: What comes first is worse.

    """

    name: str
    headline: str
    tone: str
    compared_with: str
    history: Sequence[str]
    cases: str
    others: Sequence[tuple[str, int]]
    missing: int
    answers: Sequence[Shipped]
    best_cases: Sequence[tuple[str, CaseView | None, str, str]]
    rank: tuple[float, ...]


def render(data: ReportData) -> Markup:
    """Render a banner and the best cases for each piece of hardware, the worst first."""
    units = sorted((_headline(data, unit) for unit in data.units), key=lambda unit: unit.rank)
    return _TEMPLATE.render(data=data, units=units, most_answers=_MOST_ANSWERS)


def _headline(data: ReportData, unit: Unit) -> Headline:
    records = [case.record for case in unit.cases]
    missing = sum(len(run.missing) for run in unit.runs)
    changes, trust = _changes(unit), trust_counts(record.verdict.status for record in records)
    named = {"precise", "imprecise", "untimed"} if changes else {"precise"}
    statuses = Counter(record.verdict.status for record in records)
    rest = f"; {missing} planned {'case has' if missing == 1 else 'cases have'} no record" if missing else ""
    return Headline(
        name=unit.name,
        headline=changes or f"{trust[0].upper()}{trust[1:]}{rest}",
        tone=_tone(unit, missing),
        compared_with=unit.baseline.label_on(unit.baseline_unit) if unit.baseline else "",
        history=_history(data, unit) if data.is_trend else [],
        cases=f"{trust[0].upper()}{trust[1:]}" if changes else f"{counted(len(records), 'case')} on {unit.name}",
        others=[(status, count) for status, count in statuses.most_common() if status not in named],
        missing=missing,
        answers=_shipped(unit),
        best_cases=[(title, case, name, "" if case else _why_none(unit, name)) for title, case, name in _best(unit)],
        rank=_rank(unit, missing),
    )


def _history(data: ReportData, unit: Unit) -> list[str]:
    """Return the number of runs, the last change of level, the last finding, and what the newest night said."""
    first, last = unit.runs[0].header, unit.newest.header
    lines = [f"{counted(len(unit.runs), 'run')}, {when(first.started_utc)} to {when(last.started_utc)}."]
    names = {case.record.case_id: case.name for case in unit.cases}
    points = [
        (point, names.get(trend.case_id, trend.case_id))
        for trend in case_trends(unit.runs, data.resets)
        for point in trend.change_points
    ]
    if points:
        point, name = max(points, key=lambda pair: pair[0].at_utc)
        why = f"; what else changed: {point.explanation}" if point.explanation else ""
        commit = f" (commit {point.commit})" if point.commit else ""
        change = format_change(point.ratio)[0]
        lines.append(f"Last new level: {name} {change} since {when(point.at_utc)}{commit}{why}.")
    else:
        lines.append("No case has reached a new level.")
    nights = [(run, night) for run in unit.runs if (night := night_of(run.reader))]
    newest_finding = next((pair for pair in reversed(nights) if pair[1].findings), None)
    if newest_finding is not None:
        run, night = newest_finding
        more = f" (and {len(night.findings) - 1} more)" if len(night.findings) > 1 else ""
        lines.append(f"Last finding, {when(run.header.started_utc)}: {night.findings[0]}{more}.")
    if nights and nights[-1] is not newest_finding:
        lines.append(f"Newest night: {nights[-1][1].headline}.")
    return lines


def _shipped(unit: Unit) -> list[Shipped]:
    """Return what to ship of each model that was measured in several ways."""
    views = {id(case.record): case for case in unit.cases}
    rows = []
    for answer in answers([case.record for case in unit.cases]):
        best = answer.best
        if best is None:
            rows.append(Shipped(answer.model, None, "", answer.reason, ""))
        else:
            file = str(best.model_file or "") if has_file(best) else ""
            reasons = ", ".join(reasons_of(answer, best))
            rows.append(Shipped(answer.model, views[id(best)], figure_of(answer, best), reasons, file))
    return rows


def _rank(unit: Unit, missing: int) -> tuple[float, ...]:
    """Return what a headline is sorted by: nothing to trust, then the worst loss, missing cases, doubtful ones."""
    slower = [_ratio(comparison) for comparison in unit.comparisons if comparison.change == "slower"]
    levels = Counter(case.record.trust(TIMED) for case in unit.cases)
    nothing = levels["full"] + levels["caution"] == 0
    return not nothing, -max(slower, default=0.0), -len(slower), -missing, -levels["none"], -levels["caution"]


def _tone(unit: Unit, missing: int) -> str:
    levels = {case.record.trust(TIMED) for case in unit.cases}
    if levels <= {"none"}:
        return "bad"
    slower = any(comparison.change == "slower" for comparison in unit.comparisons)
    return "doubt" if slower or missing or levels != {"full"} else "good"


def _changes(unit: Unit) -> str:
    """Return '2 of 48 cases slower (worst +11.4 % ±2.1), 3 undecided, 43 unchanged'; '' without a baseline."""
    comparisons = unit.comparisons
    if not comparisons:
        return ""
    counts = Counter(comparison.change for comparison in comparisons)
    worst = max((c for c in comparisons if c.change == "slower"), key=_ratio, default=None)
    than = "" if unit.baseline_unit == unit.name else f" than on {unit.baseline_unit}"
    slower = f"{counts['slower']} of {counted(len(comparisons), 'case')} slower{than}"
    if worst:
        slower += f" (worst {_percent(worst)})"
    words: dict[Change, str] = {"faster": "faster", "undecided": "undecided", "same": "unchanged"}
    return ", ".join([slower, *(f"{counts[change]} {word}" for change, word in words.items() if counts[change])])


def _ratio(comparison: Comparison) -> float:
    return getattr(comparison.latency, "value", 0.0)


def _percent(comparison: Comparison) -> str:
    latency = comparison.latency
    width = half_width(latency) if isinstance(latency, Value) else 0.0
    return " ".join(part for part in format_change(_ratio(comparison), width) if part)


def _best(unit: Unit) -> list[tuple[str, CaseView | None, str]]:
    """Return (title, case, metric) of the best case by each metric; None if no case has it and can be trusted in it.

    Only a case that computes what the net does can be the smallest. Times and energies are ranked under the main load
    only, and accuracies on one data set only.
    """
    load = main_load([case.record for case in unit.cases])
    main = [case for case in unit.cases if case.load == load]
    accurate = _of_one_dataset(unit.cases)
    rankings: tuple[tuple[str, str, Sequence[CaseView]], ...] = (
        ("Fastest", _main_metric(main), main),
        ("Most accurate", accurate[0].record.quality_name if accurate else "top1", accurate),
        ("Least energy", "energy_net_j", main),
        ("Smallest", "artifact_bytes", unit.cases),
    )
    return [(title, _first(cases, name), name) for title, name, cases in rankings]


def _first(cases: Sequence[CaseView], name: str) -> CaseView | None:
    views = {id(case.record): case for case in cases if case.record.verdict.works}
    ordered = best_first([case.record for case in views.values()], name)
    return views[id(ordered[0])] if ordered else None


def _main_metric(cases: Sequence[CaseView]) -> str:
    """Return what most of these cases are about."""
    names = Counter(main_metric(case.record) for case in cases)
    return names.most_common(1)[0][0] if names else "latency_p50_ns"


def _of_one_dataset(cases: Sequence[CaseView]) -> list[CaseView]:
    """Return the cases scored in the task and on the data set that most cases were scored on."""
    views = {id(case.record): case for case in cases}
    return [views[id(record)] for record in of_one_dataset([case.record for case in cases])]


def _why_none(unit: Unit, name: str) -> str:
    """Return why no case is the best by a metric: it is not trusted in any, or the most frequent reason."""
    if any(case.record.value(name) is not None for case in unit.cases):
        return "no case has a value that can be trusted"
    reasons = Counter(reason for case in unit.cases if (reason := case.record.missing(name)))
    return reasons.most_common(1)[0][0] if reasons else "there are no cases"


PLUGINS: tuple[Section, ...] = (Section("verdict", "Verdict", 10, render),)
