"""Trends over nights: change points, environment changes, declared resets."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from harness.core.quantity import Value
from harness.core.record import Record
from reports.build import build
from reports.data import ReportData, Reset, Run, newest_cases, read_run
from reports.section import Absent
from reports.sections import history
from reports.trend import case_trends, environment_changes, levels_of
from tests import factory

NOISE = (0.001, -0.002, 0.0015, -0.0005, 0.002, -0.001)


@pytest.fixture
def one(tmp_path: Path) -> Run:
    return read_run(factory.write_run(tmp_path, factory.nets()[:3]))


def night(run: Run, day: int, factors: tuple[float, ...], **changes: object) -> Run:
    """Return the run on another day, with each median multiplied by its factor and by a little noise."""

    def at(record: Record, factor: float, place: int) -> Record:
        median_ns = record.value("latency_p50_ns") or 0.0
        value = median_ns * factor * (1 + NOISE[(day + place) % len(NOISE)])
        median = Value(value, value * 0.99, value * 1.01)
        return dataclasses.replace(record, metrics={**record.metrics, "latency_p50_ns": median})

    cases = enumerate(zip(run.contents.records, factors, strict=True))
    records = tuple(at(record, factor, place) for place, (record, factor) in cases)
    header = dataclasses.replace(run.header, started_utc=f"2026-01-{day:02d}T00:00:00Z", **changes)
    return dataclasses.replace(run, header=header, contents=dataclasses.replace(run.contents, records=records))


def nights(run: Run, **late: object) -> tuple[Run, ...]:
    """Return ten nights in which the second case is a tenth slower from the sixth on."""
    return tuple(night(run, day, (1, 1.1 if day >= 6 else 1, 1), **(late if day >= 6 else {})) for day in range(1, 11))


def shown(runs: tuple[Run, ...], *resets: Reset) -> str:
    return " ".join(str(history.render(ReportData(runs, newest_cases(runs), None, resets))).split())


def test_a_change_point_is_found_in_its_night_and_nowhere_else(one: Run) -> None:
    trends = case_trends(nights(one), [])
    assert [len(trend.change_points) for trend in trends] == [1, 0, 0]
    point = trends[0].change_points[0]
    assert point.at_utc == "2026-01-06T00:00:00Z"
    assert point.ratio == pytest.approx(1.1, abs=0.005)
    assert point.explanation == ""
    assert trends[0].case_id == one.contents.records[1].case_id


def test_the_section_says_which_case_when_and_by_how_much(one: Run) -> None:
    text = shown(nights(one))
    assert "1 of 3 cases changed level; 0 environment changes, 0 declared resets." in text
    assert "2026-01-06 00:00 UTC</td>" in text
    assert re.search(r"▲ \+(9\.[5-9]|10\.[0-5]) %", text)
    assert "nothing on record" in text


def test_a_change_point_at_an_environment_change_is_listed_apart(one: Run) -> None:
    runs = nights(one, versions={"onnxruntime": "2.0"})
    assert [change.at_utc for change in environment_changes(runs)] == ["2026-01-06T00:00:00Z"]
    text = shown(runs)
    assert "1 change point alongside an environment change" in text
    assert "onnxruntime: 1.31.1 → 2.0" in text
    assert "Change points</h3>" not in text  # none without an explanation


def test_a_declared_reset_begins_a_new_level(one: Run) -> None:
    case = one.contents.records[1].case_id
    reset = Reset("2026-01-05T12:00:00Z", "new cooler", "x86-64", case)
    trends = case_trends(nights(one), [reset])
    assert trends[0].change_points[0].explanation == "reset: new cooler"
    assert "declared reset: new cooler" in shown(nights(one), reset)
    elsewhere = dataclasses.replace(reset, target="another-board")
    assert case_trends(nights(one), [elsewhere])[0].change_points[0].explanation == ""


def test_a_burst_of_two_nights_is_not_a_level(one: Run) -> None:
    runs = tuple(night(one, day, (1, 1.3 if day in (5, 6) else 1, 1)) for day in range(1, 11))
    assert [trend.change_points for trend in case_trends(runs, [])] == [(), (), ()]


def test_too_few_nights_are_reported_as_too_few(one: Run) -> None:
    assert "need at least 6 runs" in shown(nights(one)[:2])
    assert isinstance(history.render(ReportData(nights(one)[:1], newest_cases(nights(one)[:1]))), Absent)


def test_nights_that_cannot_be_trusted_are_left_out(one: Run) -> None:
    wild = dataclasses.replace(one.contents.records[0].verdict, status="contended", reason="busy")
    spoilt = night(one, 11, (9, 1.1, 1))
    records = (dataclasses.replace(spoilt.contents.records[0], verdict=wild), *spoilt.contents.records[1:])
    spoilt = dataclasses.replace(spoilt, contents=dataclasses.replace(spoilt.contents, records=records))
    first = next(trend for trend in case_trends((*nights(one), spoilt), []) if trend.case_id == records[0].case_id)
    assert len(first.runs) == 10
    assert np.isclose(first.ratio, 1.0, atol=0.01)


def test_a_page_of_many_runs_begins_with_its_history(tmp_path: Path) -> None:
    runs = []
    for night in range(8):
        level = 1.08 if night >= 4 else 1.0
        about = {"run_id": f"r{night}", "started_utc": f"2026-01-{night + 1:02d}T22:00:00Z"}
        provenance = {"repository": {"commit": f"abc{night}def0123456"}}
        runs.append(
            factory.write_run(tmp_path / str(night), factory.nets()[:2], shift=level, provenance=provenance, **about)
        )
        outcome = {"kind": "regression", "series": "net p50", "sentence": "+8 %"}
        verdicts = {"headline": "1 regression", "outcomes": [outcome]} if night == 4 else None
        young = {"headline": f"night {night + 1} of 5: not judged yet", "outcomes": []}
        (tmp_path / str(night) / "verdicts.json").write_text(json.dumps(verdicts or young))
    page = build(runs, tmp_path / "trend.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)"', page)[:2] == ["verdict", "history"]
    said = page.partition('<div class="trend-line">')[2].partition("</div>")[0]
    assert "8 runs, 2026-01-01 22:00 UTC to 2026-01-08 22:00 UTC." in said
    assert "+8.0 % since 2026-01-05 22:00 UTC (commit abc4def012)." in said
    assert "Last finding, 2026-01-05 22:00 UTC: regression: net p50: +8 %." in said
    assert "Newest night: night 8 of 5: not judged yet." in said
    few = build(runs[:2], tmp_path / "two.html").read_text(encoding="utf-8")
    assert '<div class="trend-line">' not in few, "two runs are a comparison"


@pytest.mark.parametrize(
    ("ratios", "starts"),
    [
        ([1, 1, 1, 1, 1, 1, 1.08, 1.08], [0]),  # it may be a burst: the third run decides
        ([1, 1, 1, 1, 1, 1.08, 1.08, 1.08], [0, 5]),
        ([1, 1, 1, 1, 1, 1.08, 1.08, 1.3], [0, 5]),
        ([1.08, 1.08, 1, 1, 1, 1, 1, 1], [0]),
        ([1.08, 1.08, 1.08, 1, 1, 1, 1, 1], [0, 3]),
        ([1, 1, 1, 1, 1.08, 1.08, 1.08, 1.08, 1.2, 1.2], [0, 4]),
    ],
)
def test_no_level_begins_before_the_run_that_changed(ratios: list[float], starts: list[int]) -> None:
    noise = np.resize(NOISE, len(ratios))
    values = 1e6 * np.array(ratios) * (1 + noise / 4)
    assert [level.start for level in levels_of(values, 0, len(values))] == starts
