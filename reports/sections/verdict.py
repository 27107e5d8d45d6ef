"""Verdict: the result in one sentence and a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.trust import TIMED, trust_counts
from harness.store.comparison import Change, Comparison
from reports.data import CaseView, ReportData
from reports.labels import is_built
from reports.numbers import counted, format_change, half_width
from reports.recommend import best_first
from reports.section import Section, Template

_TEMPLATE = Template.beside(__file__)


def render(data: ReportData) -> Markup:
    """Render the banner and the best cases."""
    counts = Counter(case.record.verdict.status for case in data.cases)
    missing = sum(len(run.missing) for run in data.runs)
    records = [case.record for case in data.cases]
    return _TEMPLATE.render(
        data=data,
        headline=_changes(data) or _trust(records, missing),
        tone=_tone(data, missing),
        others=[(status, count) for status, count in counts.most_common() if status not in ("precise",)],
        missing=missing,
        best_cases=_best_cases(data),
        why_none=lambda name: _why_none(data, name),
        is_built=is_built,
    )


def _tone(data: ReportData, missing: int) -> str:
    levels = {case.record.trust(TIMED) for case in data.cases}
    if levels <= {"none"}:
        return "bad"
    slower = any(comparison.change == "slower" for comparison in data.comparisons)
    return "doubt" if slower or missing or levels != {"full"} else "good"


def _trust(records: Sequence[Record], missing: int) -> str:
    counts = trust_counts(record.verdict.status for record in records)
    rest = f"; {missing} planned {'case has' if missing == 1 else 'cases have'} no record" if missing else ""
    return f"{counts[0].upper()}{counts[1:]}{rest}"


def _changes(data: ReportData) -> str:
    """Return '2 of 48 cases slower (worst +11.4 % ±2.1), 3 undecided, 43 unchanged'; '' without a baseline."""
    comparisons = data.comparisons
    if not comparisons:
        return ""
    counts = Counter(comparison.change for comparison in comparisons)
    worst = max((c for c in comparisons if c.change == "slower"), key=_ratio, default=None)
    slower = f"{counts['slower']} of {counted(len(comparisons), 'case')} slower"
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


def _best_cases(data: ReportData) -> list[tuple[str, CaseView | None, str]]:
    """Return (title, case, metric) of the best case by each metric; None if no case has it and can be trusted in it.

    Only a case that computes what the net does can be the smallest.
    Times and energies are ranked under the main load only, and accuracies on one data set only.
    """
    main = [case for case in data.cases if case.load == data.main_load]
    rankings: tuple[tuple[str, str, Sequence[CaseView]], ...] = (
        ("Fastest", "throughput_per_s" if _offline(main) else "latency_p50_ns", main),
        ("Most accurate", "top1", _of_one_dataset(data.cases)),
        ("Least energy", "energy_net_j", main),
        ("Smallest", "artifact_bytes", data.cases),
    )
    return [(title, _best(cases, name), name) for title, name, cases in rankings]


def _best(cases: Sequence[CaseView], name: str) -> CaseView | None:
    views = {id(case.record): case for case in cases if case.record.verdict.works}
    ordered = best_first([case.record for case in views.values()], name)
    return views[id(ordered[0])] if ordered else None


def _offline(cases: Sequence[CaseView]) -> bool:
    return bool(cases) and cases[0].record.case.scenario == "Offline"


def _of_one_dataset(cases: Sequence[CaseView]) -> list[CaseView]:
    """Return the cases scored on the data set that most cases were scored on."""
    counts = Counter(case.record.case.dataset for case in cases if case.record.value("top1") is not None)
    return [case for case in cases if counts and case.record.case.dataset == counts.most_common(1)[0][0]]


def _why_none(data: ReportData, name: str) -> str:
    """Return why no case is the best by a metric: it is not trusted in any, or the most frequent reason."""
    if any(case.record.value(name) is not None for case in data.cases):
        return "no case has a value that can be trusted"
    reasons = Counter(reason for case in data.cases if (reason := case.record.missing(name)))
    return reasons.most_common(1)[0][0] if reasons else "there are no cases"


PLUGINS: tuple[Section, ...] = (Section("verdict", "Verdict", 10, render),)
