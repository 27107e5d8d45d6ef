"""What to ship, said in a line: the fastest case that loses next to no accuracy."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from harness.core.case import Case
from harness.core.quantity import Quantity, Value
from harness.core.record import Record
from harness.core.scenario import Load
from harness.core.verdict import Status, Verdict
from reports.answer import answer_lines, answers
from tests import factory


@cache
def base() -> Record:
    with tempfile.TemporaryDirectory() as folder:
        (record,) = factory.write_run(Path(folder), factory.nets()[:1]).records()
    return record


def case(  # noqa: PLR0917 - a table of cases reads better by position
    setting: str,
    p50_ms: float,
    top1: float | None = 0.9,
    status: Status = "precise",
    spread: float = 0.02,
    model: str = "net",
    runtime: str = "litert-xnnpack",
    target: str = "x86-64",
) -> Record:
    """A record of one model under a setting, with such figures."""
    ns = p50_ms * 1e6
    metrics: dict[str, Quantity] = dict(base().metrics)
    metrics["latency_p50_ns"] = Value(ns, ns * (1 - spread), ns * (1 + spread))
    metrics["artifact_bytes"] = Value(670_000.0)
    metrics.pop("top1", None)
    if top1 is not None:
        metrics["top1"] = Value(top1, top1 - 0.005, top1 + 0.005)
    return dataclasses.replace(
        base(),
        case=Case(model, setting, runtime, dataset="fashion-mnist"),
        case_id=f"{model}|{setting}|{runtime}",
        target=target,
        metrics=metrics,
        verdict=Verdict(status, "why", "what to do"),
    )


def lines(*records: Record) -> list[str]:
    return list(answer_lines(records))


def shipped(*records: Record) -> str | None:
    (answer,) = answers(records)
    return answer.best.case.compression if answer.best else None


def test_the_fastest_within_a_point_is_shipped() -> None:
    records = (case("fp32", 2.0), case("int8-static", 1.0, 0.8955), case("int4", 0.5, 0.85))
    assert lines(*records) == [
        "ship int8-static on litert-xnnpack, t1: 1.00 ±0.02 ms, 2x as fast as fp32, -0.45 points, 0.670 MB"
    ]


def test_a_setting_on_another_runtime_names_both() -> None:
    (line,) = lines(case("fp32", 2.0, runtime="onnxruntime-cpu"), case("fp16", 1.0))
    assert "2x as fast as fp32 on onnxruntime-cpu, same top-1" in line


def test_no_lead_is_claimed_where_intervals_overlap() -> None:
    (line,) = lines(case("fp32", 1.02), case("fp16", 1.0))
    assert ", not clearly faster than fp32, " in line


def test_the_float_model_may_be_the_answer() -> None:
    (line,) = lines(case("fp32", 1.0), case("int8-dynamic", 3.0))
    assert line.startswith("ship fp32 on litert-xnnpack, t1: 1.00 ±0.02 ms, no faster case is as accurate, 0.670 MB")


def test_what_cannot_be_trusted_is_not_shipped() -> None:
    for status in ("wrong-output", "crashed"):
        assert shipped(case("fp32", 2.0), case("int8-static", 1.0, status=status)) == "fp32"  # type: ignore[arg-type]
    assert lines(case("fp32", 2.0, status="contended"), case("fp16", 1.0, status="contended")) == [
        "nothing to ship: 2 contended of 2 cases"
    ]


def test_there_is_no_answer_where_what_cannot_be_trusted_seems_faster() -> None:
    slow = case("fp16", 3.0)
    for status in ("contended", "throttled", "drifted"):
        assert lines(slow, case("fp32", 2.0, status=status)) == [  # type: ignore[arg-type]
            f"nothing to ship: 1 {status} of 2 cases may be faster than the rest"
        ]
    assert shipped(slow, case("fp32", 4.0, status="contended")) == "fp16", "nor would it be the fastest then"
    assert shipped(slow, case("fp32", 3.5), case("int4", 1.0, 0.5, status="contended")) == "fp16", "nor accurate enough"


def test_an_imprecise_figure_is_marked_and_does_not_beat_a_precise_one_within_its_interval() -> None:
    assert shipped(case("fp32", 1.0), case("fp16", 0.99, status="imprecise", spread=0.2)) == "fp32"
    (line,) = lines(case("fp32", 2.0), case("fp16", 1.0, status="imprecise", spread=0.1))
    assert line.endswith("imprecise: use with caution")


def test_a_net_without_labels_is_judged_by_speed_alone() -> None:
    (line,) = lines(case("fp32", 2.0, None), case("fp16", 1.0, None))
    assert "points" not in line
    (line,) = lines(case("fp32", 1.0, None), case("fp16", 2.0, None))
    assert "no other case is faster" in line
    assert "top-1" not in line


def test_each_model_and_board_has_its_answer() -> None:
    def pair(**more: str) -> Sequence[Record]:
        return case("fp32", 2.0, **more), case("fp16", 1.0, **more)

    two_models = lines(*pair(), *pair(model="other"))
    assert [line.partition(": ")[0] for line in two_models] == ["ship net", "ship other"]
    two_boards = lines(*pair(), *pair(target="raspberry-pi-5"))
    assert [line.partition(": ")[0] for line in two_boards] == ["ship net on x86-64", "ship net on raspberry-pi-5"]


def test_one_case_is_no_choice() -> None:
    assert lines(case("fp32", 2.0)) == []


def test_offline_is_answered_by_throughput() -> None:
    def offline(setting: str, per_s: float) -> Record:
        record = case(setting, 1.0)
        metrics: dict[str, Quantity] = {**record.metrics, "throughput_per_s": Value(per_s, per_s * 0.99, per_s * 1.01)}
        own = dataclasses.replace(record.case, scenario="Offline", load=Load(streams=2))
        return dataclasses.replace(record, case=own, metrics=metrics)

    (line,) = lines(offline("fp32", 1000.0), offline("fp16", 2500.0))
    assert line.startswith("ship fp16 on litert-xnnpack, t1: 2,500 ±25 inferences/s, 2.5x as fast as fp32")
