"""Runs made up for tests: every kind of case a report must cope with, the same bytes every time."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import ArtifactInfo, Blob, ProcessRun, Record, RunHeader, Trace
from harness.core.verdict import Finding, Status, Verdict
from harness.store.runfolder import RunFolder

MILLISECOND = 1_000_000
NO_METER = "no power sensor: /sys/class/powercap is absent"
HOSTILE = '<script>alert("model")</script>'


@dataclasses.dataclass(frozen=True)
class Plan:
    """One made-up case: what is measured, how fast it is (ns) and what came of it. `joules` None: no meter."""

    case: Case
    latency_ns: int = 2 * MILLISECOND
    status: Status = "precise"
    top1: float | None = 0.91
    joules: float | None = None
    size_bytes: int = 900_000
    log: str = ""


def nets(joules: bool = False) -> list[Plan]:
    """Three nets x four settings x two runtimes, all trusted: int8 is faster and slightly less accurate."""
    plans = []
    speed = {"mobilenet_v2-0.35-32": 1.9, "shufflenet_v2-0.5-32": 1.2, "efficientnet_lite0-0.35-32": 2.6}
    settings = {
        "fp32": (1.0, 0.0, 1.0),
        "fp16": (0.97, 0.0, 0.5),
        "int8-dynamic": (0.8, 0.004, 0.3),
        "int8-static": (0.45, 0.009, 0.28),
    }
    for model, base in speed.items():
        for setting, (factor, drop, size) in settings.items():
            for runtime, slowness in (("onnxruntime-cpu", 1.0), ("litert-xnnpack", 0.83)):
                latency = int(base * factor * slowness * MILLISECOND)
                plans.append(
                    Plan(
                        Case(model, setting, runtime, dataset="fashion-mnist"),
                        latency,
                        top1=round(0.9 + base / 100 - drop, 4),
                        joules=latency * 4e-9 if joules else None,
                        size_bytes=int(base * 400_000 * size),
                    )
                )
    return plans


def troubled() -> list[Plan]:
    """One case for everything that goes wrong, hostile names among them."""
    net = "mobilenet_v2-1.0-224"
    return [
        Plan(Case(net, "fp32", "onnxruntime-cpu", weights="synthetic"), 31 * MILLISECOND, top1=None),
        Plan(Case(net, "int8-static", "onnxruntime-cpu", weights="synthetic"), 14 * MILLISECOND, "contended", None),
        Plan(Case(net, "fp32", "onnxruntime-cpu", threads=2, weights="synthetic"), status="no-steady-state", top1=None),
        Plan(Case(net, "fp32", "litert-xnnpack", weights="synthetic"), status="crashed", log="Segmentation fault\n"),
        Plan(Case(net, "fp16", "litert-xnnpack", weights="synthetic"), status="timeout"),
        Plan(Case(net, "int8-static", "litert-xnnpack", weights="synthetic"), status="out-of-memory"),
        Plan(Case(net, "int8-dynamic", "litert-xnnpack", weights="synthetic"), status="unsupported"),
        Plan(Case(HOSTILE, "fp32", "onnxruntime-cpu", weights="user"), status="crashed", log=f"{HOSTILE}\x1b[31m\0"),
        Plan(Case('a|b" onload=x & 米', "fp32", "onnxruntime-cpu", weights="user"), top1=None),
    ]


def header(plans: Sequence[Plan], **changes: object) -> RunHeader:
    """A run header that plans these cases; `changes` replace its fields."""
    made = RunHeader(
        run_id="20260101T000000-quick",
        suite="quick",
        target="x86-64",
        profile="quick",
        started_utc="2026-01-01T00:00:00Z",
        planned=tuple(plan.case.id for plan in plans),
        command=("edgebench", "run", "--suite", "quick"),
        seed=7,
        host={"cpu": "Test CPU", "cores": 2, "memory_bytes": 24 << 30, "os": {"name": "Debian", "kernel": "6.1"}},
        versions={"edgebench": "0.1.0", "onnxruntime": "1.31.1", "ai-edge-litert": "2.3.0"},
        findings=(
            Finding("governor", "warn", "powersave", "set the governor to performance"),
            Finding("turbo", "unknown", "absent: /sys/devices/system/cpu/intel_pstate/no_turbo"),
            Finding("load", "ok", "0.12"),
        ),
        sensors={"powercap": NO_METER, "thermal": "1 channel"},
        harness_overhead_ns=Value(142.0, 138.0, 147.0, 5),
        ended_utc="2026-01-01T00:02:00Z",
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def write_run(
    path: Path, plans: Sequence[Plan], leave_out: int = 0, shift: float = 1.0, **changes: object
) -> RunFolder:
    """A run folder of these cases; the last `leave_out` get no record, every latency is multiplied by `shift`."""
    run = RunFolder.create(path, header(plans, **changes))
    for order, plan in enumerate(plans[: len(plans) - leave_out]):
        run.append(record(run, plan, order, shift))
    return run


def record(run: RunFolder, plan: Plan, order: int = 0, shift: float = 1.0) -> Record:
    """The record of one made-up case, its blobs put into `run`."""
    head = run.header()
    verdict = _verdict(plan)
    measured = not verdict.failed and plan.status != "unsupported"
    processes = _processes(run, plan, order, shift) if measured else ()
    return Record(
        run_id=head.run_id,
        case_id=plan.case.id,
        case=plan.case,
        target=head.target,
        verdict=verdict,
        metrics=_metrics(plan, processes) if measured else {name: Missing(_why(plan)) for name in METRICS},
        started_utc=head.started_utc,
        duration_s=3.5,
        artifact=_artifact(plan),
        runtime_info={"version": "1.0", "provider": "CPU"},
        processes=processes,
        traces=(_temperature(run),) if measured else (),
        details={"inputs": [[1, 3, 32, 32]], "classes": 10},
        log=plan.log,
    )


def _why(plan: Plan) -> str:
    return {"unsupported": "operator DYNAMIC_QUANT is not supported", "timeout": "no answer within 60 s"}.get(
        plan.status, f"the process ended: {plan.status}"
    )


def _verdict(plan: Plan) -> Verdict:
    remedies = {"contended": "stop other programs and run again", "no-steady-state": "run the profile 'full'"}
    reasons = {"contended": "wall/CPU 1.31 at one thread", "no-steady-state": "latency never settled in 400 inferences"}
    reason = reasons.get(plan.status, "" if plan.status in ("precise", "imprecise") else _why(plan))
    return Verdict(plan.status, reason, remedies.get(plan.status, ""))


def _processes(
    run: RunFolder, plan: Plan, order: int, shift: float, count: int = 3, n: int = 400
) -> tuple[ProcessRun, ...]:
    """Three processes of right-skewed samples, seeded by the case so that every build of the run is the same."""
    random = np.random.default_rng(zlib.crc32(plan.case.id.encode()))
    made = []
    for index in range(count):
        centre = plan.latency_ns * shift * (1 + 0.004 * random.standard_normal())
        wall = (centre * (0.99 + random.gamma(2.0, 0.005, n))).astype(np.int64)
        warmup = (centre * np.linspace(1.6, 1.0, 20)).astype(np.int64)
        cpu = (wall * 0.99).astype(np.int64)
        sha256, length = run.put_blob({"wall_ns": wall, "cpu_ns": cpu, "warmup_ns": warmup})
        made.append(
            ProcessRun(
                index=index,
                order=order * count + index,
                spawn_ns=90 * MILLISECOND,
                import_ns=210 * MILLISECOND,
                load_ns=12 * MILLISECOND + index,
                first_inference_ns=int(wall[0] * 3),
                n_warmup=20,
                n_timed=length,
                median_ns=int(np.median(wall)),
                median_cpu_ns=int(np.median(cpu)),
                involuntary_switches=index,
                peak_rss_bytes=61_000_000 + index,
                started_ns=order * 10**9,
                ended_ns=order * 10**9 + int(wall.sum()),
                blob=Blob("latency", sha256, length, "ns"),
            )
        )
    return tuple(made)


def _metrics(plan: Plan, processes: Sequence[ProcessRun]) -> dict[str, Quantity]:
    middle = float(np.median([process.median_ns for process in processes]))
    samples = sum(process.n_timed for process in processes)
    unscored = Missing("synthetic weights" if plan.case.weights == "synthetic" else "no labelled images were given")
    metrics: dict[str, Quantity] = {
        "latency_p50_ns": Value(middle, middle * 0.992, middle * 1.009, len(processes)),
        "latency_p90_ns": Value(middle * 1.02, n=samples),
        "latency_p99_ns": Value(middle * 1.05, n=samples),
        "first_inference_ns": Value(middle * 3.1, n=3),
        "load_ns": Value(12.0 * MILLISECOND, n=3),
        "cpu_time_p50_ns": Value(middle * 0.99, n=3),
        "wall_per_cpu": Value(1.31 if plan.status == "contended" else 1.01),
        "n_inferences": Value(float(samples)),
        "n_processes": Value(float(len(processes))),
        "throughput_per_s": Value(1e9 / middle),
        "peak_rss_bytes": Value(61_000_002.0),
        "artifact_bytes": Value(float(plan.size_bytes)),
        **dict.fromkeys(("energy_gross_j", "energy_net_j"), Missing(NO_METER)),
        **dict.fromkeys(("top1", "top5", "n_images", *_TO_FP32), unscored),
    }
    return metrics | _energy(plan) | _accuracy(plan)


def _energy(plan: Plan) -> dict[str, Quantity]:
    if plan.joules is None:
        return {}
    return {
        "energy_gross_j": Value(plan.joules * 1.4, plan.joules * 1.35, plan.joules * 1.45, 3),
        "energy_net_j": Value(plan.joules, plan.joules * 0.95, plan.joules * 1.05, 3),
    }


_TO_FP32: dict[str, Quantity] = {
    "agreement": Value(0.982, 0.979, 0.985, 10_000),
    "sqnr_db": Value(27.4),
    "top1_difference": Value(-0.0011, -0.0031, 0.0009, 10_000),
}
_TO_ITSELF = dict.fromkeys(_TO_FP32, Missing("the reference: others are compared with this fp32 net"))


def _accuracy(plan: Plan) -> dict[str, Quantity]:
    if plan.top1 is None or plan.case.dataset is None:
        return {}
    top1 = Value(plan.top1, plan.top1 - 0.0057, plan.top1 + 0.0054, 10_000)
    first = plan.case.compression == "fp32"
    return {
        "top1": top1,
        "top5": Value(0.9972, 0.996, 0.9981, 10_000),
        "n_images": Value(10_000.0),
        **(_TO_ITSELF if first else _TO_FP32),
    }


def _artifact(plan: Plan) -> ArtifactInfo:
    kind = "tflite" if plan.case.runtime.startswith("litert") else "onnx"
    return ArtifactInfo(
        file=f"{plan.case.model}.{kind}",
        format=kind,
        sha256=f"{zlib.crc32(plan.case.id.encode()):064x}",
        size_bytes=plan.size_bytes,
        parameters=400_000,
        macs=6_000_000,
        recipe={"setting": plan.case.compression, "seed": 7},
        preprocess={"channels": 1, "pad": 2},
    )


def _temperature(run: RunFolder) -> Trace:
    times = np.arange(0, 8, dtype=np.int64) * 500 * MILLISECOND
    sha256, length = run.put_blob({"t_ns": times, "value": np.linspace(41.0, 47.5, 8)})
    return Trace(
        "cpu_temperature", "degC", "package", 500 * MILLISECOND, length, Blob("readings", sha256, length, "degC")
    )
