"""Qualities of tasks other than classification: their names, their directions, and never two of them on one front."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from harness.core.metric import METRICS
from harness.core.quality import QualityKind
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.store.exports import Exported
from harness.store.exports.markdown import render
from harness.store.frame import record_table
from reports.answer import answer_lines
from reports.build import build_html
from reports.data import gather
from reports.labels import expected, measured, metric_of, scales_of, titles_of
from reports.recommend import Constraints, comparable, pareto_front, recommend
from reports.terminal.recommendation import recommendation_lines
from reports.terminal.table import case_line, final_table
from tests import factory

MAP = QualityKind("map", "mAP", "mAP")
ERROR = QualityKind("mae", "Mean error", "mean error", better="lower", unit="px")
MS = 1e6


def of_task(record: Record, kind: QualityKind, quality: float, ms: float = 1.0, **case: Any) -> Record:
    """The record as one of another task."""
    metrics = {
        **{name: Missing("not a figure of this task") if name.startswith("top") else value
           for name, value in record.metrics.items()},
        "latency_p50_ns": Value(ms * MS),
        "quality": Value(quality, 0.9 * quality, 1.1 * quality, 50),
        "n_samples": Value(50),
    }  # fmt: skip
    details = {**record.details, "accuracy": {"name": kind.label, "task": "other", "quality": dataclasses.asdict(kind)}}
    return dataclasses.replace(
        record, metrics=metrics, details=details, case=dataclasses.replace(record.case, **{"dataset": "own", **case})
    )


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    """Six classified cases that can be compared."""
    return comparable(factory.write_run(tmp_path, factory.nets(joules=True)).records())[:6]


def test_two_tasks_are_never_on_one_front(records: list[Record]) -> None:
    others = [of_task(record, MAP, 0.99, 0.001) for record in records[:2]]
    assert comparable([*records, *others]) == records
    assert comparable([*others, *records[:1]]) == others
    assert not set(map(id, others)) & set(map(id, pareto_front([*records, *others])))


def test_two_qualities_of_one_data_set_are_two_fronts(records: list[Record]) -> None:
    found = [of_task(record, MAP, 0.5) for record in records[:3]]
    errors = [of_task(record, ERROR, 2.0) for record in records[3:5]]
    assert comparable([*errors, *found]) == found


def test_where_less_is_better_the_smallest_error_is_best(records: list[Record]) -> None:
    fast, middle, slow = (of_task(record, ERROR, px, ms) for record, px, ms in
                          zip(records, (9.0, 4.0, 3.0), (1, 2, 3), strict=False))  # fmt: skip
    all_of_them = [fast, middle, slow]
    assert recommend(all_of_them, Constraints()).best is slow
    bounded = recommend(all_of_them, Constraints(quality=4.5))
    assert bounded.best is middle
    assert bounded.binding == (("quality", slow),)
    assert recommend(all_of_them, Constraints(quality=1.0)).relax == (("quality", 3.0, slow),)
    lines = recommendation_lines(bounded, {"quality": 4.5})
    assert any(line.startswith("  mean error") and "(at most 4.50 px)" in line for line in lines), lines
    poor = of_task(records[3], ERROR, 9.5, 2.5)
    assert pareto_front([*all_of_them, poor]) == all_of_them


def test_where_more_is_better_a_bound_is_a_lower_one(records: list[Record]) -> None:
    poor, good = (of_task(record, MAP, value, ms) for record, value, ms in
                  zip(records, (0.3, 0.6), (1, 2), strict=False))  # fmt: skip
    assert recommend([poor, good], Constraints(quality=0.5)).best is good
    lines = recommendation_lines(recommend([poor, good], Constraints(quality=0.5)), {"quality": 0.5})
    assert any(line.startswith("  mAP") and "(at least 50 %)" in line for line in lines), lines


def test_the_answer_keeps_to_what_is_as_good_as_the_float_model(records: list[Record]) -> None:
    names: dict[str, Any] = {"model": "net", "runtime": "onnxruntime-cpu", "threads": 1}
    plain = of_task(records[0], ERROR, 2.0, 2.0, compression="fp32", **names)
    good = of_task(records[1], ERROR, 2.01, 1.5, compression="fp16", **names)
    bad = of_task(records[2], ERROR, 3.0, 1.0, compression="int8-static", **names)
    (line,) = answer_lines([plain, good, bad])
    assert line.startswith("ship fp16 on onnxruntime-cpu")
    assert "+0.01 px" in line


def test_tables_name_the_quality_of_the_task_and_leave_top_1_out(records: list[Record]) -> None:
    found = [of_task(record, MAP, 0.5) for record in records[:2]]
    assert "quality" in measured(found)
    assert "top1" not in expected(found)
    assert titles_of(found)["quality"] == "mAP"
    assert scales_of(found)["quality"].unit == "%"
    assert scales_of([of_task(records[0], ERROR, 2.0)])["quality"].unit == "px"
    assert "mAP 50" in case_line(found[0])
    frame = record_table([*found, records[3]])
    assert frame["quality_metric"].tolist() == ["map", "map", "top1"]
    assert frame["quality"].tolist() == [0.5, 0.5, records[3].value("top1")]


def test_whole_frames_are_told_apart_from_the_net(records: list[Record]) -> None:
    stages = {"pre_p50_ns": 1.5, "pipeline_infer_p50_ns": 7.0, "post_p50_ns": 2.0, "pipeline_p50_ns": 10.5}
    metrics = {**records[0].metrics, **{name: Value(ms * MS) for name, ms in stages.items()}}
    console = Console(width=200)
    with console.capture() as capture:
        found = [dataclasses.replace(records[0], metrics=metrics), records[1]]
        console.print(final_table(found, factory.header(factory.nets())))
    lines = [line for line in capture.get().splitlines() if "whole frame" in line]
    assert len(lines) == 1
    assert lines[0].endswith("p50 10.5 ms (1.50 pre + 7 infer + 2 post)")


def test_a_table_of_classifiers_is_as_it_was(records: list[Record]) -> None:
    assert "quality" not in measured(records)
    assert "top1" in expected(records)
    assert metric_of("quality", records) is METRICS["quality"]


def test_the_terminal_and_markdown_show_it(records: list[Record]) -> None:
    found = [of_task(record, MAP, 0.5) for record in records[:2]]
    console = Console(width=200)
    with console.capture() as capture:
        console.print(final_table(found, factory.header(factory.nets())))
    text = capture.get()
    assert "mAP %" in text
    assert "no top-1" not in text
    markdown = render(Exported(factory.header(factory.nets()), found, lambda _: np.empty(0, np.int64)))
    assert "| mAP % | verdict |" in markdown
    assert "top-1" not in markdown


def test_each_task_has_a_plot_of_its_own_in_the_report(tmp_path: Path) -> None:
    plans = factory.nets()[:6]
    run = factory.write_run(tmp_path / "run", plans)
    for record in comparable(run.records())[-2:]:
        run.append(of_task(record, MAP, 0.5, 2.0))
    html = build_html(gather([run]))
    (script,) = re.findall(r'<script type="application/json" id="cases-json">(.*?)</script>', html, re.DOTALL)
    groups = [item["group"] for item in json.loads(script) if item["ranked"]]
    unit = groups[0]
    assert sorted(set(groups)) == [unit, f"{unit}, mAP"]
    assert re.findall(r'data-figure="(tradeoff-plot[-\d]*)-json"', html) == ["tradeoff-plot", "tradeoff-plot-1"]
    assert "mAP against latency" in html
    assert "mAP (%)" in html
