"""Latency from run to run, as a ratio to the first, with the breaks in the environment."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from markupsafe import Markup

from harness.core.record import Record
from reports.data import ReportData, Run
from reports.plots import COLOURS, axis, figure_json
from reports.section import Absent, Figure, Section, body

_MOST_LINES = 30
_BREAK = 0.02  # lines that moved less than this are not the story


def render(data: ReportData) -> Markup | Absent:
    """One figure a target that has at least two runs."""
    figures: list[Figure] = []
    for target in dict.fromkeys(run.header.target for run in data.runs):
        runs = [run for run in data.runs if run.header.target == target]
        lines = _lines(runs)
        if len(runs) > 1 and lines:
            figures.append(_figure(f"history-{len(figures)}", target, runs, lines))
    if not figures:
        return Absent("a history needs two runs of one target", "edgebench report RUN_1 RUN_2 ...")
    return body("figures.html", figures=figures, lead="")


def _lines(runs: Sequence[Run]) -> dict[str, list[tuple[Run, Record]]]:
    """Trusted records a case over the runs, those with at least two, the largest change first."""
    lines: dict[str, list[tuple[Run, Record]]] = {}
    for run in runs:
        for record in run.contents.records:
            if record.verdict.trusted and math.isfinite(_time(record)):
                lines.setdefault(record.case_id, []).append((run, record))
    kept = {case_id: points for case_id, points in lines.items() if len(points) > 1}
    return dict(sorted(kept.items(), key=lambda item: -abs(math.log(_change(item[1])))))


def _change(points: Sequence[tuple[Run, Record]]) -> float:
    return _time(points[-1][1]) / _time(points[0][1])


def _time(record: Record) -> float:
    """Nanoseconds: the median latency, in Offline what a sample takes at that throughput; NaN when missing."""
    if record.case.scenario == "Offline":
        return 1e9 / (record.value("throughput_per_s") or math.nan)
    return record.value("latency_p50_ns") or math.nan


def breaks(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """(start of the run, what is new) for every run whose machine or versions differ from the run before."""
    found = []
    for before, after in itertools.pairwise(runs):
        a, b = ({**run.header.host, **run.header.versions} for run in (before, after))
        changed = [
            f"{key}: {a.get(key, 'none')} → {b.get(key, 'none')}"
            for key in sorted({*a, *b})
            if a.get(key) != b.get(key)
        ]
        if changed:
            found.append((after.header.started_utc, "; ".join(changed)))
    return found


def _figure(name: str, target: str, runs: Sequence[Run], lines: dict[str, list[tuple[Run, Record]]]) -> Figure:
    traces = []
    for index, (case_id, points) in enumerate(list(lines.items())[:_MOST_LINES]):
        first = _time(points[0][1])
        traces.append({
            "type": "scatter", "mode": "lines+markers", "name": str(Markup("{}").format(case_id)),
            "x": [run.header.started_utc for run, _ in points], "y": [_time(record) / first for _, record in points],
            "line": {"color": COLOURS[index % len(COLOURS)], "width": 1.6}, "showlegend": index < 6,
        })  # fmt: skip
    found = breaks(runs)
    shapes = [{"type": "line", "x0": when, "x1": when, "yref": "paper", "y0": 0, "y1": 1,
               "line": {"dash": "dash", "width": 1, "color": "#8b93a1"}} for when, _ in found]  # fmt: skip
    moved = sum(abs(_change(points) - 1) > _BREAK for points in lines.values())
    hidden = (
        f" The {len(lines) - _MOST_LINES} steadiest cases are in the table only." if len(lines) > _MOST_LINES else ""
    )
    rows = [[case_id, len(points), f"{_change(points):.3f}"] for case_id, points in lines.items()]
    rows += [[f"environment at {when}", "", what] for when, what in found]
    return Figure(
        name,
        f"History on {target}",
        figure_json(
            traces,
            xaxis=axis("Run", type="date"),
            yaxis=axis("Latency p50 relative to the first run", "lower"),
            shapes=shapes,
        ),
        f"{moved} of {len(lines)} cases moved by more than {_BREAK:.0%} between the first and the last "
        f"of {len(runs)} runs; "
        f"{len(found)} {'break' if len(found) == 1 else 'breaks'} in the environment.{hidden}",
        "1 is the first run; in Offline it is the time a sample takes. "
        "A dashed line marks a run whose machine or library versions differ from the run before: a "
        "step there is no change of the nets.",
        ("Case", "Runs", "Last / first"),
        rows,
    )


SECTION = Section("history", "History", 110, render)
