"""ONNX Runtime's profile file: read as it is written, and what is said of one that is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.core.execution import OperatorProfile
from harness.core.plugins import load
from harness.core.quantity import Missing
from harness.runtimes.base import Options
from harness.runtimes.onnxruntime.profiler import arena_bytes, read
from suites.artifacts import catalog

CPU = "CPUExecutionProvider"


def session_event(name: str, ts: int, dur: int) -> dict[str, Any]:
    return {"cat": "Session", "pid": 1, "tid": 1, "dur": dur, "ts": ts, "ph": "X", "name": name, "args": {}}


def kernel(name: str, op: str, ts: int, dur: int, provider: str = CPU, dtype: str = "float") -> dict[str, Any]:
    arguments = {
        "op_name": op,
        "provider": provider,
        "node_index": "135",
        "output_size": "1605632",
        "thread_scheduling_stats": "",
        "input_type_shape": [{dtype: [1, 3, 224, 224]}, {dtype: [32, 3, 3, 3]}],
    }
    name = f"{name}_kernel_time"
    return {"cat": "Node", "pid": 1, "tid": 1, "dur": dur, "ts": ts, "ph": "X", "name": name, "args": arguments}


def one_run(ts: int, conv: int = 300) -> list[dict[str, Any]]:
    """An inference of three kernels as version 1.31 writes it: the run's own event comes last."""
    return [
        kernel("conv0_nchwc", "Conv", ts + 5, conv),
        kernel("gap", "ReduceMean", ts + 10 + conv, 40),
        kernel("fc", "Gemm", ts + 60 + conv, 60, provider="XnnpackExecutionProvider"),
        session_event("SequentialExecutor::Execute", ts + 2, conv + 140),
        session_event("model_run", ts, conv + 150),
    ]


FILE = [
    session_event("model_loading_uri", 15, 34088),
    session_event("session_initialization", 34184, 85882),
    *one_run(200_000, conv=9000),
    *one_run(210_000),
    *one_run(220_000),
    *one_run(230_000),
]


def test_the_inferences_after_the_warm_up_count() -> None:
    profile = read(json.dumps(FILE), CPU, n=3)
    assert isinstance(profile, OperatorProfile)
    assert [(each.name, each.type, each.duration_ns, each.dtype) for each in profile.operators] == [
        ("conv0_nchwc", "Conv", 300_000.0, "float"),
        ("gap", "ReduceMean", 40_000.0, "float"),
        ("fc", "Gemm", 60_000.0, "float"),
    ]
    assert profile.inference_ns == 450_000
    assert profile.unexplained_ns == 50_000
    assert [each.provider for each in profile.fallen_back] == ["XnnpackExecutionProvider"]


def test_the_last_inferences_count_however_many_came_before() -> None:
    runs = [event for place in range(6) for event in one_run(20_000 * place, conv=9000 if place < 3 else 300)]
    profile = read(json.dumps(runs), CPU, n=3)
    assert isinstance(profile, OperatorProfile)
    assert profile.inference_ns == 450_000


def test_events_in_any_order_and_of_any_kind_are_read_alike() -> None:
    strange = [{"cat": "Node"}, {"name": "model_run", "dur": "long"}, "text", None, {"ph": "M", "name": "process_name"}]
    assert read(json.dumps([*reversed(FILE), *strange]), CPU, n=3) == read(json.dumps(FILE), CPU, n=3)


def test_a_kernel_without_arguments_is_unknown_and_still_counted() -> None:
    bare = [{**event, "args": None} if event["cat"] == "Node" else event for event in FILE]
    profile = read(json.dumps(bare), CPU, n=3)
    assert isinstance(profile, OperatorProfile)
    assert {each.type for each in profile.operators} == {"unknown"}
    assert profile.unexplained_ns == 50_000


def test_the_arena_is_the_most_any_kernel_saw() -> None:
    held = [
        {**event, "args": {**event["args"], "mem_arena_held": str(8 + place % 2)}} for place, event in enumerate(FILE)
    ]
    assert arena_bytes(json.dumps(held)) == 9


@pytest.mark.parametrize("text", ["", "{}", json.dumps(FILE), '[{"args": {"mem_arena_held": "-"}}]'])
def test_a_profile_without_an_arena_has_a_reason(text: str) -> None:
    assert isinstance(arena_bytes(text), Missing)


def test_control_flow_is_not_counted_twice() -> None:
    loops = [kernel("while", "Loop", ts + 4, 420) for ts in (210_000, 220_000, 230_000)]
    assert read(json.dumps([*FILE, *loops]), CPU, n=3) == read(json.dumps(FILE), CPU, n=3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "wrote no file"),
        (json.dumps(FILE)[:-40], "no JSON"),
        ('{"traceEvents": []}', "no list"),
        ("[]", "names no operator"),
        (json.dumps([event for event in FILE if event["cat"] == "Session"]), "names no operator"),
    ],
)
def test_a_file_that_is_none_has_a_reason(text: str, reason: str) -> None:
    missing = read(text, CPU, n=3)
    assert isinstance(missing, Missing)
    assert reason in missing.reason


@pytest.mark.parametrize(("setting", "expected"), [("fp32", "Conv"), ("int8-static", "QLinearConv")])
def test_a_real_net_is_taken_apart(setting: str, expected: str) -> None:
    model = catalog.ARTIFACTS / "mobilenet_v2-0.35-32" / f"{setting}.onnx"
    session = load("runtimes", "onnxruntime-cpu").open(model, Options())
    profile = session.profile(4)
    assert isinstance(profile, OperatorProfile)
    assert profile.n_inferences == 2
    assert sum(each.type == expected for each in profile.operators) > 20
    assert {each.provider for each in profile.operators} == {CPU}
    assert profile.inference_ns > 0
    assert 0 <= profile.unexplained_ns < profile.inference_ns
