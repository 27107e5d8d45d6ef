"""A/B comparisons by name, in words and as a document; processes are replaced by made-up medians."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import ModelError, UnknownName, UsageError
from harness.core.verdict import Verdict
from harness.host.resource_limits import ResourceLimits
from harness.measure import ab
from harness.measure.ab import PairedComparison, ProcessTiming
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.runs.ab import AbConfig, AbSession, sentence, warnings
from harness.runs.variants import VariantResolver
from suites.artifacts import catalog

NET = "mobilenet_v2-0.35-32"
NAMES: dict[ab.Side, str] = {"a": "old.onnx on onnxruntime-cpu", "b": "new.onnx on onnxruntime-cpu"}
LIMITS = ResourceLimits(60.0)
RESOLVER = VariantResolver(LIMITS)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    return Path(shutil.copy(catalog.ARTIFACTS / NET / "fp32.onnx", tmp_path / "my.onnx"))


@pytest.mark.parametrize(
    ("text", "runtime", "case_id"),
    [
        (f"{NET}|int8-static|onnxruntime-cpu", None, f"{NET}|int8-static|onnxruntime-cpu|t1"),
        (f"{NET}|fp32|onnxruntime-cpu|t2", None, f"{NET}|fp32|onnxruntime-cpu|t2"),
        (f"{NET}|fp16", "litert-xnnpack", f"{NET}|fp16|litert-xnnpack|t1"),
        (NET, "onnxruntime-cpu", f"{NET}|fp32|onnxruntime-cpu|t1"),
    ],
)
def test_a_shipped_net_by_name(text: str, runtime: str | None, case_id: str) -> None:
    variant = RESOLVER.resolve(text, runtime)
    assert variant.prepared.case.id == case_id
    assert variant.prepared.labelled is not None


def test_threads_of_the_option_win_over_those_of_the_name() -> None:
    variant = VariantResolver(LIMITS, threads=3).resolve(f"{NET}|fp32|onnxruntime-cpu|t2")
    assert variant.prepared.options.threads == 3
    assert variant.name == f"{NET} fp32 on onnxruntime-cpu with 3 threads"


def test_a_users_file_runs_on_the_first_runtime_that_takes_it(model_file: Path) -> None:
    variant = RESOLVER.resolve(str(model_file))
    assert variant.prepared.case.runtime == "onnxruntime-cpu"
    assert variant.name == f"{model_file} on onnxruntime-cpu"


@pytest.mark.parametrize(
    ("text", "runtime", "error", "message"),
    [
        ("gone.onnx", None, ModelError, "no such model file"),
        ("mobilenet_v2-0.35-33|fp32", None, UnknownName, NET),
        (f"{NET}|fp32|onnxruntime-gpu9", None, UnknownName, "onnxruntime-cpu"),
        (f"{NET}|fp32|onnxruntime-cpu|x2", None, UsageError, "'x2'"),
        (f"{NET}|fp32|onnxruntime-cpu", "litert-xnnpack", UsageError, "one place"),
        (f"{NET}|int3|onnxruntime-cpu", None, UsageError, "int3"),
    ],
)
def test_what_cannot_be_run_says_why(text: str, runtime: str | None, error: type[UsageError], message: str) -> None:
    with pytest.raises(error) as caught:
        RESOLVER.resolve(text, runtime)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("a", "b", "runtimes"),
    [
        (f"{NET}|fp32|onnxruntime-cpu", f"{NET}|int8-static", ["onnxruntime-cpu"] * 2),
        (NET, f"{NET}|int8-static|onnxruntime-cpu", ["onnxruntime-cpu"] * 2),
        (NET, NET, ["litert-xnnpack"] * 2),
        (f"{NET}||onnxruntime-cpu", f"{NET}||litert-xnnpack", ["onnxruntime-cpu", "litert-xnnpack"]),
    ],
)
def test_a_variant_without_a_runtime_takes_the_others(a: str, b: str, runtimes: list[str]) -> None:
    assert [variant.prepared.case.runtime for variant in AbConfig(a, b).variants.values()] == runtimes


def test_a_users_file_on_a_runtime_of_another_format(model_file: Path) -> None:
    with pytest.raises(ModelError, match=r"takes \.onnx"):
        RESOLVER.resolve(str(model_file), "litert-xnnpack")


@pytest.mark.parametrize("wrong", [{"max_pairs": 1}, {"same_within": -0.1}, {"same_within": 2.0}])
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        AbConfig("a.onnx", "b.onnx", **wrong)  # type: ignore[arg-type]


def compared(b_ms: Callable[[int], float], max_pairs: int = 8, cpu_share: float = 1.0) -> PairedComparison:
    """A against B, A always 2 ms."""
    comparison = PairedComparison.plan(max_pairs, 0.02, seed=1)

    def run(side: ab.Side, number: int) -> ProcessTiming:
        median_ns = 2e6 if side == "a" else 1e6 * b_ms(number)
        return ProcessTiming(median_ns, cpu_share * median_ns)

    for _ in comparison.measure(run):
        pass
    return comparison


@pytest.mark.parametrize(
    ("b_ms", "start", "figures"),
    [
        (lambda n: 1.0, "B (new.onnx on onnxruntime-cpu) is faster than A (old", "B/A 0.5, 0.5 to 0.5 at 95 %"),
        (lambda n: 3.0, "B (new.onnx on onnxruntime-cpu) is slower than A (old", "A 2 ms and B 3 ms"),
        (lambda n: 2.0, "B (new.onnx on onnxruntime-cpu) is the same as A (old", "within 2 %, decided after 8 pairs"),
        (lambda n: 2.0 + (-1) ** n, "Undecided after 8 pairs whether B (new", "B took longer in 4 of 8"),
    ],
)
def test_the_outcome_is_one_sentence(b_ms: Callable[[int], float], start: str, figures: str) -> None:
    text = sentence(compared(b_ms), NAMES)
    assert text.startswith(start)
    assert figures in text
    assert "\n" not in text


def test_a_failure_is_reported_with_its_reason() -> None:
    broken = PairedComparison.plan(8, 0.02, seed=1)
    list(broken.measure(lambda side, number: WorkerFailure(Verdict("timeout", "not finished after 3 s, killed"), "")))
    text = sentence(broken, NAMES)
    assert text.startswith("No answer: ")
    assert text.endswith("gave no figures in pair 1: timeout: not finished after 3 s, killed")


def test_a_loaded_machine_is_warned_of_at_one_thread_only() -> None:
    loaded = compared(lambda n: 1.0, cpu_share=0.5)
    assert "in 16 of 16 processes another program held the core" in warnings(loaded, single_threaded=True)[0]
    assert warnings(loaded, single_threaded=False) == []


def test_processes_that_the_time_limit_cut_short_are_warned_of() -> None:
    comparison = compared(lambda n: 1.0)
    comparison.a[1] = dataclasses.replace(comparison.a[1], needed_s=530.0)
    words = "the time limit cut 1 of 16 processes short: --timeout 530 lets them end"
    assert warnings(comparison, single_threaded=True) == [words]


def test_too_few_pairs_are_warned_of() -> None:
    assert "--max-pairs 6" in warnings(compared(lambda n: 1.0, max_pairs=3), single_threaded=True)[0]


def test_the_document_holds_what_is_behind_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(prepared: PreparedCase, *_: object, **__: object) -> ProcessTiming:
        faster = prepared.case.compression == "int8-static"
        return ProcessTiming(1e6 if faster else 2e6, 1e6, runtime_info={"version": "1"})

    monkeypatch.setattr("harness.runs.ab.time_process", fake)
    comparison = AbSession(AbConfig(f"{NET}|fp32|onnxruntime-cpu", f"{NET}|int8-static|onnxruntime-cpu"))
    assert list(comparison.run()) == [1, 2, 3, 4, 5, 6, 7]
    document = json.loads(json.dumps(comparison.document(), allow_nan=False))
    assert document["schema"] == 1
    assert document["verdict"] == document["comparison"]["verdict"] == "faster"
    assert document["a"]["median_ns"] == [2e6] * 7
    assert document["b"]["case_id"] == f"{NET}|int8-static|onnxruntime-cpu|t1"
    assert document["b"]["runtime_info"] == {"version": "1"}
    assert len(document["order"]) == 7
    assert set(document["order"]) == {"ab", "ba"}


def test_an_interrupted_comparison_keeps_its_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))

    def fake(*_: object, **__: object) -> ProcessTiming:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return ProcessTiming(1e6, 1e6)

    monkeypatch.setattr("harness.runs.ab.time_process", fake)
    comparison = AbSession(AbConfig(f"{NET}|fp32|onnxruntime-cpu", f"{NET}|fp32|onnxruntime-cpu"))
    with pytest.raises(KeyboardInterrupt):
        list(comparison.run())
    document = comparison.document(interrupted=True)
    assert document["interrupted"]
    assert document["verdict"] is None
    assert len(document["a"]["median_ns"]) == len(document["b"]["median_ns"]) == len(document["order"]) == 2
    assert document["sentence"] == "No answer: 2 pairs measured, the first look is after 7"
