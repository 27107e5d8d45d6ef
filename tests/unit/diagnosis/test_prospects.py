"""What settings promise on a machine."""

from __future__ import annotations

from harness.core.case import Case
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Verdict
from harness.diagnosis import Situation, explain
from harness.diagnosis.precision import prospects

VNNI = {"avx2", "avx512_vnni"}


def test_int8_pays_where_the_processor_multiplies_it() -> None:
    assert prospects("int8-static", VNNI) == ["the processor has avx512_vnni: can save time"]
    (without,) = prospects("int8-static", {"avx2"})
    assert without.startswith("saves space; the processor has none of asimddp")
    (unknown,) = prospects("int8-static", ())
    assert unknown.endswith("this processor's features are unknown")


def test_sparsity_and_weights_alone_pay_nowhere() -> None:
    (sparse,) = prospects("pruned-80", VNNI)
    assert sparse.startswith("unstructured sparsity does not run faster on this runtime")
    assert prospects("int4-weight-only", VNNI) == ["computes in fp32: saves space, and no time"]


def test_compositions_tell_of_each_part_and_strangers_of_nothing() -> None:
    assert len(prospects("channel-pruned-50+int8-static", VNNI)) == 2
    assert prospects("as-is", VNNI) == prospects("fp32", VNNI) == []


def record(compression: str, ms: float) -> Record:
    case = Case("net", compression, "onnxruntime-cpu")
    p50 = Value(ms * 1e6, ms * 0.99e6, ms * 1.01e6)
    return Record("run", case.id, case, "board", Verdict("precise"), {"latency_p50_ns": p50}, "2026-01-01", 1.0)


def rules(*records: Record) -> dict[str, tuple[str, str]]:
    found = explain(Situation(records[0], records, {"arch": "x86_64", "isa": sorted(VNNI)}))
    return {each.rule: (each.conclusion, each.evidence) for each in found}


def test_explain_says_that_sparsity_does_not_run_faster() -> None:
    conclusion, evidence = rules(record("pruned-80", 1.5), record("fp32", 1.0))["setting-saves-no-time"]
    assert conclusion.startswith("unstructured sparsity does not run faster on this runtime")
    assert evidence == "1.5 ms against 1 ms of fp32"
    assert rules(record("pruned-80", 1.5))["setting-saves-no-time"][1] == "pruned-80 on onnxruntime-cpu"


def test_explain_is_silent_where_time_can_be_saved() -> None:
    for name in ("int8-static", "channel-pruned-50", "fp32", "as-is"):
        assert "setting-saves-no-time" not in rules(record(name, 1.0))
