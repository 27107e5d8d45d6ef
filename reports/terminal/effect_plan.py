"""What must be measured to show an effect, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from harness.core.record import Record
from reports.effect import CONFIDENCE, AccuracyPlan, EffectPlan, LatencyPlan
from reports.labels import label_of, scales_of
from reports.numbers import counted, show
from reports.text import clean

_LATENCY, _TOP1 = "latency_p50_ns", "top1"


def effect_lines(plan: EffectPlan, source: str) -> Iterator[RenderableType]:
    """Yield a table of latencies, one of accuracies, what could not be planned, and what all of it rests on.

    Args:
        plan: The plan.
        source: Path of the pilot run.

    """
    if plan.latency:
        yield Text(f"A difference of {_percent(plan.effect)} in latency is shown with {plan.chance:.0%} probability by")
        yield _latency_table(plan.latency)
    yield from _unplanned("latency", plan.unplanned_latency)
    if plan.accuracy:
        yield Text(f"A difference of {_points(plan.points)} in top-1 is shown with {plan.chance:.0%} probability by")
        yield _accuracy_table(plan.accuracy)
    yield from _unplanned("accuracy", plan.unplanned_accuracy)
    yield from (Text(clean(line), style="dim") for line in _assumptions(plan, source))


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0.0):.3g} %"


def _points(share: float | None) -> str:
    points = 100 * (share or 0.0)
    return f"{points:.3g} point{'s' * (points != 1)}"


def _latency_table(plans: Sequence[LatencyPlan]) -> Table:
    scale = scales_of([plan.pilot.record for plan in plans])[_LATENCY]
    titles = (f"p50 {scale.unit}", "spread %", "inferences", "processes", "minutes", "pairs of ab")
    table = _table("case", titles)
    for plan in plans:
        record = plan.pilot.record
        table.add_row(
            clean(label_of(record)),
            show(record.quantity(_LATENCY), scale).text,
            f"{100 * plan.spread:.2g}",
            f"{plan.pilot.inferences:,}",
            _both(plan.processes, plan.processes_safe),
            _both(plan.minutes(plan.processes), plan.minutes(plan.processes_safe)),
            _both(plan.pairs, plan.pairs_safe),
        )
    total, safe = (
        sum(plan.minutes(getattr(plan, name)) for plan in plans) for name in ("processes", "processes_safe")
    )  # fmt: skip
    if len(plans) > 1:
        table.add_row("all", "", "", "", "", _both(total, safe), "", style="bold")
    return table


def _accuracy_table(plans: Sequence[AccuracyPlan]) -> Table:
    table = _table("case", ("top-1 %", "disagree %", "images"))
    for plan in plans:
        top1 = show(plan.record.quantity(_TOP1), scales_of([plan.record])[_TOP1]).text
        images = _both(plan.images, plan.images_safe)
        table.add_row(clean(label_of(plan.record)), top1, f"{100 * plan.discordant:.2g}", images)
    return table


def _table(first: str, titles: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(first, overflow="fold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _both(number: float, safe: float) -> str:
    """Return a number with its upper limit in brackets: '8 (14)'."""
    return f"{_short(number)} ({_short(safe)})"


def _short(number: float) -> str:
    return f"{number:,.0f}" if isinstance(number, int) or number >= 10 else f"{number:.1f}"


def _unplanned(what: str, cases: Sequence[tuple[Record, str]]) -> Iterator[Text]:
    """Yield why cases have no plan, those with one reason together."""
    reasons: dict[str, list[Record]] = {}
    for record, reason in cases:
        reasons.setdefault(reason, []).append(record)
    for reason, records in reasons.items():
        where = label_of(records[0]) if len(records) == 1 else counted(len(records), "case")
        yield Text(clean(f"no plan for the {what} of {where}: {reason}"))


def _assumptions(plan: EffectPlan, source: str) -> Iterator[str]:
    brackets = f"in brackets: should the spread be as large as the pilot allows with {CONFIDENCE:.0%} confidence"
    if plan.latency:
        counts = {each.pilot.variance.processes for each in plan.latency}
        processes = f"{min(counts)}" if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
        yield f"pilot: {source}, {processes} processes of each case; {brackets}"
        yield (
            "processes are those of each of the two sides, minutes those of both, for latency alone; spread is the "
            "standard deviation of the medians of processes"
        )
        yield (
            "assumed: logarithms of process medians are independent and about normal, both sides vary as the pilot "
            "did, and the machine stays as it was"
        )
        yield (
            "a pilot shows how processes differ within a run, and not how runs differ: measure both sides in one run, "
            f"or side by side with edgebench ab A B --max-pairs PAIRS --same-within {(plan.effect or 0.0) / 4:.2g}"
        )
    elif plan.accuracy:
        yield f"pilot: {source}; {brackets}"
    if plan.accuracy:
        first = plan.accuracy[0]
        yield f"disagree: for {label_of(first.record)} {first.evidence}"
        yield "assumed: the images are a random sample, and the two nets to compare disagree as often as these two"
