"""First of all: what came out, in one sentence and a few figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup

from harness.core.quantity import Value
from harness.store.comparison import Change, Comparison
from reports.data import CaseView, ReportData
from reports.numbers import counted, half_width, percent
from reports.section import Section, Template
from reports.words import is_built

_TEMPLATE = Template.beside(__file__)


def render(data: ReportData) -> Markup:
    """The banner."""
    counts = Counter(case.record.verdict.status for case in data.cases)
    missing = sum(len(run.missing) for run in data.runs)
    trusted = sum(case.trusted for case in data.cases)
    return _TEMPLATE.render(
        data=data,
        headline=_changes(data) or _headline(trusted, len(data.cases), missing),
        tone=_tone(data, trusted, missing),
        others=[(status, count) for status, count in counts.most_common() if status not in ("precise",)],
        missing=missing,
        trusted=trusted,
        champions=_champions(data),
        why_none=lambda name: _why_none(data, name),
        is_built=is_built,
    )


def _tone(data: ReportData, trusted: int, missing: int) -> str:
    if not trusted:
        return "bad"
    slower = any(comparison.change == "slower" for comparison in data.comparisons)
    return "doubt" if slower or missing or trusted < len(data.cases) else "good"


def _headline(trusted: int, total: int, missing: int) -> str:
    if not total:
        return "Nothing was measured: the run holds no record"
    whole = f"All {total} cases" if total > 1 else "The case"
    words = whole if trusted == total else f"{trusted} of {total} cases" if trusted else "No case"
    rest = f"; {missing} planned {'case has' if missing == 1 else 'cases have'} no record" if missing else ""
    return f"{words} can be trusted{rest}"


def _changes(data: ReportData) -> str:
    """'2 of 48 cases slower (worst +11.4 % ±2.1), 3 undecided, 43 unchanged'; empty without a baseline."""
    found = data.comparisons
    if not found:
        return ""
    counts = Counter(comparison.change for comparison in found)
    worst = max((c for c in found if c.change == "slower"), key=_ratio, default=None)
    parts = [
        f"{counts['slower']} of {counted(len(found), 'case')} slower" + (f" (worst {_percent(worst)})" if worst else "")
    ]
    words: dict[Change, str] = {"faster": "faster", "undecided": "undecided", "same": "unchanged"}
    return ", ".join([*parts, *(f"{counts[change]} {word}" for change, word in words.items() if counts[change])])


def _ratio(comparison: Comparison) -> float:
    return getattr(comparison.latency, "value", 0.0)


def _percent(comparison: Comparison) -> str:
    latency = comparison.latency
    width = half_width(latency) if isinstance(latency, Value) else 0.0
    return " ".join(part for part in percent(_ratio(comparison), width) if part)


def _champions(data: ReportData) -> list[tuple[str, CaseView | None, str]]:
    """(title, case, metric) of the best trusted case by each metric; no case where nobody has the metric.

    Times and energies are ranked under the main load alone, accuracies on one data set.
    """
    main = [case for case in data.cases if case.load == data.main_load]
    wanted: tuple[tuple[str, str, Sequence[CaseView], Callable[..., CaseView]], ...] = (
        ("Fastest", "throughput_per_s" if _offline(main) else "latency_p50_ns", main, max if _offline(main) else min),
        ("Most accurate", "top1", _of_one_dataset(data.cases), max),
        ("Least energy", "energy_net_j", main, min),
        ("Smallest", "artifact_bytes", data.cases, min),
    )
    found = []
    for title, name, cases, choose in wanted:
        having = [case for case in cases if case.trusted and case.record.value(name) is not None]
        best = choose(having, key=lambda case: case.record.value(name)) if having else None
        found.append((title, best, name))
    return found


def _offline(cases: Sequence[CaseView]) -> bool:
    return bool(cases) and cases[0].record.case.scenario == "Offline"


def _of_one_dataset(cases: Sequence[CaseView]) -> list[CaseView]:
    """The cases scored on the data set that most are scored on."""
    counts = Counter(case.record.case.dataset for case in cases if case.record.value("top1") is not None)
    return [case for case in cases if counts and case.record.case.dataset == counts.most_common(1)[0][0]]


def _why_none(data: ReportData, name: str) -> str:
    """Why no trusted case has the metric: those that have it are none, or else the reason most cases give."""
    if any(case.record.value(name) is not None for case in data.cases):
        return "no case that has one can be trusted"
    reasons = Counter(reason for case in data.cases if (reason := case.record.missing(name)))
    return reasons.most_common(1)[0][0] if reasons else "no case"


PLUGINS: tuple[Section, ...] = (Section("verdict", "Verdict", 10, render),)
