"""The section of the scenario sustained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from harness.core.case import Case
from harness.core.quantity import Value
from harness.core.scenario import Load
from reports.data import ReportData, gather
from reports.section import Absent
from reports.sections import sustained
from tests import factory

MS = 1_000_000
CASE = Case("mobilenet_v2-0.35-32", "fp32", "onnxruntime-cpu", scenario="sustained", load=Load(minutes=2))


def report(folder: Path, clock_hz: float | None = 1.5e9) -> ReportData:
    run = factory.write_run(folder, [factory.Plan(CASE), *factory.nets()[:1]])
    missing = {} if clock_hz else {"clock_hz_missing": "cpufreq tells no clock <here>"}
    minutes = [
        {"minute": 1, "p50_ns": 2.0 * MS, "n": 900, "temperature_c": 51.25, "clock_hz": clock_hz, **missing},
        {"minute": 2, "p50_ns": 3.0 * MS, "n": 600, "temperature_c": 79.5, "clock_hz": clock_hz, **missing},
    ]
    record = next(each for each in run.records() if each.case == CASE)
    metrics = {**record.metrics, "sustained_p50_ns": Value(3.0 * MS), "sustained_ratio": Value(1.5)}
    run.append(dataclasses.replace(record, metrics=metrics, details={"minutes": minutes}))
    return gather([run])


def test_every_minute_has_its_row(tmp_path: Path) -> None:
    html = str(sustained.render(report(tmp_path)))
    assert "ms after 2 min, 1.50 times the first minute." in html
    for cell in ("51.2", "79.5", "1500"):
        assert f">{cell}<" in html


def test_a_missing_clock_comes_with_its_reason(tmp_path: Path) -> None:
    html = str(sustained.render(report(tmp_path, clock_hz=None)))
    assert "cpufreq tells no clock &lt;here&gt;" in html


def test_without_a_sustained_case_the_section_says_how_to_get_one(tmp_path: Path) -> None:
    absent = sustained.render(gather([factory.write_run(tmp_path, factory.nets()[:1])]))
    assert isinstance(absent, Absent)
    assert "--scenario sustained" in absent.remedy
