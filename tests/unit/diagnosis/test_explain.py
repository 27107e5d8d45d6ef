"""Every rule: what makes it speak, with which evidence, and what keeps it silent."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.core.case import Case
from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.hardware.roofline import Roof, Roofline
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import ArtifactInfo, Record
from harness.core.verdict import Finding, Status, Verdict
from harness.diagnosis import RULES, Explanation, Situation, explain
from harness.diagnosis.plausibility import PublishedLatency

MS = 1_000_000
CPU = "CPUExecutionProvider"
NET = Case("mobilenet_v2-1.0-224", "fp32", "onnxruntime-cpu")
VNNI = {"arch": "x86_64", "cores": 4, "isa": ["avx2", "avx512_vnni"]}
OLD_ARM = {"arch": "aarch64", "cores": 4, "isa": ["asimd"]}
ROOFLINE = Roofline("abc", "2026-01-01", "numpy", 32 << 20, (Roof(1, 100e9, 10e9), Roof(4, 300e9, 15e9)))


def artifact(macs: int | None = 300_000_000, size: int = 14_000_000) -> ArtifactInfo:
    return ArtifactInfo("net.onnx", "onnx", "0" * 64, size, 3_500_000, macs, {}, None)


Operator = tuple[str, float, str, str]
"""Type, milliseconds, dtype, provider ('' for the one asked for)."""


def record(
    compression: str = "fp32", ms: float = 7.0, status: Status = "precise", case: Case = NET, **changes: Any
) -> Record:
    case = dataclasses.replace(case, compression=compression)
    p50: Quantity = Value(ms * MS, ms * MS * 0.99, ms * MS * 1.01)
    made = Record(
        "run", case.id, case, "board", Verdict(status, "the reason", "the remedy"),
        {"latency_p50_ns": p50, "first_inference_ns": Value(ms * MS * 1.5)}, "2026-01-01", 1.0, artifact(),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def profile(*operators: Operator, total_ms: float | None = None, asked: str = CPU) -> OperatorProfile:
    timings = tuple(
        OperatorTiming(f"{place}: {kind}", kind, provider or asked, ms * MS, 1.0, dtype)
        for place, (kind, ms, dtype, provider) in enumerate(operators)
    )
    total = sum(each.duration_ns for each in timings) if total_ms is None else total_ms * MS
    return OperatorProfile(asked, 5, total, timings)


def told(situation: Situation) -> dict[str, Explanation]:
    return {each.rule: each for each in explain(situation)}


def test_a_fast_trusted_case_has_nothing_wrong() -> None:
    several = record(ms=4.0, case=dataclasses.replace(NET, threads=4))
    assert explain(Situation(several, (several,), VNNI, ROOFLINE)) == []


def test_rules_are_silent_about_a_case_that_has_nothing() -> None:
    empty = record(metrics={}, artifact=None)
    assert explain(Situation(empty)) == []


def test_rules_have_different_names() -> None:
    everything = Situation(
        record("int8-dynamic", 20.0, "contended", operators=profile(("ConvInteger", 9, "uint8", "Elsewhere"))),
        host=OLD_ARM,
        roofline=ROOFLINE,
    )
    names = [each.rule for each in explain(everything)]
    assert len(names) == len(set(names)) >= 5
    assert len(RULES) == len({rule.__name__ for rule in RULES})


@pytest.mark.parametrize(("ms", "speaks"), [(10.0, True), (7.05, False), (3.0, False)])
def test_int8_slower_than_fp32(ms: float, speaks: bool) -> None:
    base, own = record(), record("int8-static", ms)
    found = told(Situation(own, (base, own), VNNI)).get("int8-slower")
    assert (found is not None) == speaks
    if found:
        assert found.evidence == "10 ms against 7 ms of fp32: 1.43 times as long"
        assert "--deep" in found.remedy


@pytest.mark.parametrize(("ms", "ratio"), [(14.0, 2.0), (3.5, 0.5), (7.05, None), (6.95, None)])
def test_faster_and_slower_are_told_where_intervals_part(ms: float, ratio: float | None) -> None:
    base, own = record(), record("int8-static", ms)
    compared = Situation(own, (base, own)).against_fp32()
    assert (compared[0] if compared else None) == ratio
    assert Situation(base, (base, own)).against_fp32() is None


@pytest.mark.parametrize("status", ["contended", "throttled", "no-steady-state"])
def test_figures_that_are_not_trusted_are_not_compared(status: Status) -> None:
    own = record("int8-static", 10.0)
    assert "int8-slower" not in told(Situation(own, (record(status=status), own), VNNI))
    doubtful = record("int8-static", 10.0, status)
    assert "int8-slower" not in told(Situation(doubtful, (record(), doubtful), VNNI))


def test_another_target_or_runtime_is_no_sibling() -> None:
    own = record("int8-static", 10.0)
    others = (record(target="elsewhere"), record(case=dataclasses.replace(NET, runtime="litert-xnnpack")))
    assert "int8-slower" not in told(Situation(own, others, VNNI))


@pytest.mark.parametrize(
    ("host", "said"), [(OLD_ARM, "asimddp"), ({**VNNI, "isa": ["avx2", "fma"]}, "VNNI"), (VNNI, ""), ({}, "")]
)
def test_int8_without_instructions(host: dict[str, Any], said: str) -> None:
    found = told(Situation(record("int8-static"), (), host)).get("no-int8-instructions")
    assert (found is not None) == bool(said)
    assert found is None or said in found.conclusion
    assert "no-int8-instructions" not in told(Situation(record("fp32"), (), host))


def test_dynamic_convolutions() -> None:
    operators = profile(("ConvInteger", 12, "uint8", ""), ("DynamicQuantizeLinear", 3, "float", ""))
    own = record("int8-dynamic", 15.0, operators=operators)
    found = told(Situation(own, (record(), own), VNNI))["dynamic-convolutions"]
    assert found.severity == "warn"
    assert "1 ConvInteger 80 %" in found.evidence
    assert "15 ms against 7 ms" in found.evidence
    assert "dynamic-convolutions" not in told(Situation(record("int8-static", 15.0, operators=operators)))


def test_xnnpacks_dynamic_kernels_are_known_by_their_type() -> None:
    operators = profile(("Fully Connected (NC, QDU8, F32, QC8W) GEMM", 12, "QDU8", ""), asked="XNNPACK")
    assert told(Situation(record("int8-dynamic", operators=operators)))["dynamic-convolutions"].severity == "info"


def test_dynamic_matrix_products_alone() -> None:
    operators = profile(("Conv", 9, "float", ""), ("DynamicQuantizeMatMul", 1, "float", ""))
    found = told(Situation(record("int8-dynamic", operators=operators)))
    assert found["products-alone"].evidence == "1 DynamicQuantizeMatMul 10 % in int8; in floating point 1 Conv 90 %"
    assert not {"dynamic-convolutions", "float-operators"} & set(found)
    assert "products-alone" not in told(Situation(record("int8-static", operators=operators)))


def test_a_slow_dynamic_net_that_was_not_profiled() -> None:
    own = record("int8-dynamic", 15.0)
    assert told(Situation(own, (record(), own)))["dynamic-convolutions"].evidence == "15 ms against 7 ms of fp32"
    fast = record("int8-dynamic", 5.0)
    assert "dynamic-convolutions" not in told(Situation(fast, (record(), fast)))


def test_a_conversion_that_breaks_fusion() -> None:
    base = record(operators=profile(*[("Conv", 1, "float", "")] * 4))
    broken = record("fp16", 12.0, operators=profile(*[("Conv", 1, "float", ""), ("Clip", 1, "float", "")] * 4))
    found = told(Situation(broken, (base, broken)))["less-fused"]
    assert found.evidence == "8 operators against 4 of fp32; 12 ms against 7 ms of fp32"
    faster = dataclasses.replace(broken, metrics=record(ms=5.0).metrics)
    assert "less-fused" not in told(Situation(faster, (base, faster)))
    assert "less-fused" not in told(Situation(broken, (record(), broken)))
    assert "less-fused" not in told(Situation(base, (base, broken)))


@pytest.mark.parametrize(("ms", "speaks"), [(7.6, False), (8.0, True)])
def test_without_intervals_small_differences_decide_nothing(ms: float, speaks: bool) -> None:
    pairs = (("fp32", 7.0), ("int8-static", ms))
    base, own = (record(kind, metrics={"latency_p50_ns": Value(time * MS)}) for kind, time in pairs)
    assert ("int8-slower" in told(Situation(own, (base, own)))) == speaks


@pytest.mark.parametrize(
    "kind", ["ReorderOutput", "Transpose", "Constant Pad (ND, X32)", "Transpose (ND, X8) Transpose"]
)
def test_data_that_only_move(kind: str) -> None:
    many = profile(("Conv", 8, "float", ""), (kind, 2, "float", ""))
    assert told(Situation(record(operators=many)))["data-movement"].evidence == f"1 {kind} 20 %: 20 % of the inference"
    few = profile(("Conv", 8, "float", ""), (kind, 0.1, "float", ""))
    assert "data-movement" not in told(Situation(record(operators=few)))


@pytest.mark.parametrize("kind", ["QuantizeLinear", "DequantizeLinear", "Cast", "Convert (NC)", "DEQUANTIZE"])
def test_conversions(kind: str) -> None:
    many = profile(("QLinearConv", 8, "uint8", ""), (kind, 2, "uint8", ""))
    few = profile(("QLinearConv", 8, "uint8", ""), (kind, 0.1, "uint8", ""))
    assert f"1 {kind} 20 %" in told(Situation(record("int8-static", operators=many)))["conversions"].evidence
    assert "conversions" not in told(Situation(record("int8-static", operators=few)))
    assert "conversions" not in told(Situation(record("fp32", operators=many)))


def test_operators_left_in_floating_point() -> None:
    mixed = profile(
        ("QLinearConv", 5, "uint8", ""), ("HardSigmoid", 3, "float", ""), ("QuantizeLinear", 2, "float", "")
    )
    found = told(Situation(record("int8-static", operators=mixed)))["float-operators"]
    assert found.evidence == "1 HardSigmoid 30 %: 30 % of the inference on floating-point inputs"
    assert "float-operators" not in told(Situation(record("fp32", operators=mixed)))


def test_fp16_is_storage_on_x86() -> None:
    own, base = record("fp16", 8.0), record()
    found = told(Situation(own, (base, own), VNNI))["fp16-storage-only"]
    assert found.evidence == "8 ms against 7 ms of fp32"
    assert "fp16-storage-only" not in told(Situation(own, (base, own), OLD_ARM))
    casting = record("fp16", operators=profile(("Cast", 1, "float16", ""), ("Conv", 9, "float", "")))
    assert "1 Cast 10 %" in told(Situation(casting, (), OLD_ARM))["fp16-storage-only"].evidence
    computing = record("fp16", operators=profile(("Conv", 9, "float16", "")))
    assert "fp16-storage-only" not in told(Situation(computing, (), VNNI))


def test_operators_that_fell_back() -> None:
    operators = profile(
        ("Convolution", 3, "QC8", ""), ("HARD_SWISH", 2, "", "LiteRT built-in"), asked="XNNPACK", total_ms=8
    )
    found = told(Situation(record("int8-static", operators=operators)))["fallen-back"]
    assert found.severity == "warn"
    assert found.evidence == (
        "1 of 2 operators ran on LiteRT built-in instead of XNNPACK, 25 % of the inference: 1 HARD_SWISH 25 %"
    )
    slight = profile(("Convolution", 999, "", ""), ("RESHAPE", 1, "", "LiteRT built-in"), asked="XNNPACK")
    assert told(Situation(record(operators=slight)))["fallen-back"].severity == "info"


def test_a_delegate_that_did_not_apply() -> None:
    case = dataclasses.replace(NET, runtime="litert-xnnpack")
    info = {"library": "tflite_runtime", "version": "2.14.0", "nodes": 66, "delegate_nodes": 0}
    found = told(Situation(record(case=case, runtime_info=info)))["delegate-did-not-apply"]
    assert "none of 66 nodes" in found.evidence
    applied = {**info, "delegate_nodes": 1}
    assert "delegate-did-not-apply" not in told(Situation(record(case=case, runtime_info=applied)))


def test_time_between_operators() -> None:
    short = profile(("Conv", 1, "float", ""), total_ms=2)
    assert "50 % of the inference" in told(Situation(record(operators=short)))["runtime-overhead"].evidence
    full = profile(("Conv", 1, "float", ""), total_ms=1.1)
    assert "runtime-overhead" not in told(Situation(record(operators=full)))


def test_where_the_time_goes() -> None:
    found = told(Situation(record(operators=profile(("Gemm", 1, "", ""), ("Conv", 3, "", "")))))["where-the-time-goes"]
    assert found.evidence == "of 2 operators: 1 Conv 75 %, 1 Gemm 25 %"
    assert found.conclusion.endswith("Conv")


@pytest.mark.parametrize(
    ("compression", "ms", "host", "speaks"),
    [
        ("fp32", 4.0, VNNI, True),  # 600 MFLOP take 6 ms at 100 GFLOP/s
        ("fp32", 5.0, VNNI, False),  # within the slack
        ("int8-static", 4.0, VNNI, False),
        ("int8-static", 1.0, VNNI, True),
        ("int8-static", 2.0, OLD_ARM, True),
        ("fp16", 4.0, {**OLD_ARM, "isa": ["asimdhp"]}, False),
    ],
)
def test_nothing_is_faster_than_its_arithmetic(compression: str, ms: float, host: dict[str, Any], speaks: bool) -> None:
    found = told(Situation(record(compression, ms), (), host, ROOFLINE)).get("beats-the-roof")
    assert (found is not None) == speaks
    assert found is None or found.severity == "error"


def test_bf16_behind_fp32_is_no_error_where_the_runtime_says_so() -> None:
    host = {**VNNI, "isa": ["avx512_bf16"]}
    own = record(ms=4.0)
    assert "beats-the-roof" in told(Situation(own, (), host, ROOFLINE))
    honest = dataclasses.replace(own, runtime_info={"inference_precision": "bf16"})
    assert "beats-the-roof" not in told(Situation(honest, (), host, ROOFLINE))


@pytest.mark.parametrize(
    "changes",
    [
        {"artifact": artifact(macs=None)},
        {"artifact": None},
        {"case": dataclasses.replace(NET, runtime="edgetpu")},
    ],
)
def test_without_a_count_or_on_another_processor_there_is_no_roof(changes: dict[str, Any]) -> None:
    assert "beats-the-roof" not in told(Situation(record(ms=0.01, **changes), (), VNNI, ROOFLINE))


def test_weights_that_outgrow_the_cache_bound_by_memory() -> None:
    large = record(ms=60.0, artifact=artifact(size=400_000_000))
    found = told(Situation(large, (), VNNI, ROOFLINE))["memory-bound"]
    assert "the weights take 40 ms from memory, the arithmetic 6 ms" in found.evidence
    assert "memory-bound" not in told(Situation(record(ms=60.0), (), VNNI, ROOFLINE))


def test_far_below_the_roof() -> None:
    found = told(Situation(record(ms=60.0), (), VNNI, ROOFLINE))["far-below-the-roof"]
    assert found.evidence.startswith("60 ms, 10 % of the rate")
    assert "far-below-the-roof" not in told(Situation(record(ms=7.0), (), VNNI, ROOFLINE))
    assert "far-below-the-roof" not in told(Situation(record(ms=60.0), (), VNNI, Missing("not measured")))


def test_one_thread_of_several_cores() -> None:
    own = record()
    more = record(ms=3.5, case=dataclasses.replace(NET, threads=2))
    assert told(Situation(own, (own,), VNNI))["one-thread"].evidence == "1 of 4 cores"
    assert "with 2 threads 3.5 ms instead of 7 ms" in told(Situation(own, (own, more), VNNI))["one-thread"].evidence
    assert "one-thread" not in told(Situation(more, (own, more), VNNI))
    assert "one-thread" not in told(Situation(own, (own,), {**VNNI, "cores": 1}))


@pytest.mark.parametrize(("factor", "speaks"), [(2.9, False), (3.1, True)])
def test_a_slow_first_inference(factor: float, speaks: bool) -> None:
    metrics = {"latency_p50_ns": Value(7.0 * MS), "first_inference_ns": Value(7.0 * MS * factor)}
    assert ("first-inference" in told(Situation(record(metrics=metrics)))) == speaks


def test_a_verdict_in_doubt_is_told_with_the_checks_behind_it() -> None:
    findings = (Finding("governor", "fail", "powersave", "set performance"), Finding("swap", "ok", "none"))
    found = told(Situation(record(status="throttled", findings=findings)))["verdict-throttled"]
    assert found.evidence == "the reason; governor: powersave"
    assert found.remedy == "the remedy; set performance"
    assert told(Situation(record(status="crashed")))["verdict-crashed"].conclusion == "there are no figures"


@pytest.mark.parametrize(("ms", "said"), [(100.0, "slower"), (3.0, "faster"), (30.0, "")])
def test_far_from_published(ms: float, said: str) -> None:
    one = PublishedLatency(NET.model, "fp32", "ncnn-cpu", "", "board", 1, "mean", 20 * MS, "ncnn's table")
    figures = [one, dataclasses.replace(one, latency_ns=25 * MS)]
    found = told(Situation(record(ms=ms), published=figures)).get("far-from-published")
    assert (found is not None) == bool(said)
    if found:
        assert found.severity == "warn"
        assert found.conclusion.startswith(said)
        assert "published: 20 ms to 25 ms by ncnn-cpu (ncnn's table)" in found.evidence


CORAL = Case("mobilenet_v2-1.0-224", "int8-static", "edgetpu")
USB2 = Finding("usb_link", "warn", "Coral USB Accelerator at 480 Mbit/s", "plug it into a USB 3 port")


def test_a_coral_on_usb_2_says_so() -> None:
    found = told(Situation(record("int8-static", case=CORAL, findings=(USB2,))))["usb2-link"]
    assert (found.severity, found.evidence, found.remedy) == ("warn", USB2.found, USB2.remedy)


@pytest.mark.parametrize(
    ("case", "finding"), [(NET, USB2), (CORAL, dataclasses.replace(USB2, status="ok")), (CORAL, None)]
)
def test_a_usb_link_matters_to_those_that_use_it(case: Case, finding: Finding | None) -> None:
    findings = (finding,) if finding else ()
    assert "usb2-link" not in told(Situation(record("int8-static", case=case, findings=findings)))


@pytest.mark.parametrize(("ratio", "held"), [(0.7, False), (0.95, True)])
def test_a_cache_of_inputs_is_told(ratio: float, held: bool) -> None:
    same = {"ratio": ratio, "at_least": 0.9, "held": held}
    found = told(Situation(record(details={"same_input": same})))
    assert ("repeated-input" in found) is not held
    if not held:
        assert "70 % of what inputs in rotation take" in found["repeated-input"].evidence
