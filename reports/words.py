"""What a case and its verdict are called, in the page and in the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.metric import METRICS
from harness.core.record import Record
from harness.core.verdict import Verdict

from .numbers import Scale, scale_for


def setting_of(record: Record, joint: str = " · ") -> str:
    """The case without its model: compression, runtime, threads; batch and scenario when not the default."""
    case = record.case
    parts = [case.compression, case.runtime, f"t{case.threads}"]
    parts += [f"b{case.batch}"] if case.batch != 1 else []
    parts += [f"{case.scenario} {case.load.label(case.scenario)}".strip()] if case.scenario != "SingleStream" else []
    return joint.join(parts)


def mark_of(verdict: Verdict) -> str:
    """✓ precise, ≈ imprecise, ✕ failed, ○ unsupported, ! measured but not to be trusted."""
    if verdict.trusted:
        return "✓" if verdict.status == "precise" else "≈"
    return "✕" if verdict.failed else "○" if verdict.status == "unsupported" else "!"


def scales_of(records: Sequence[Record]) -> dict[str, Scale]:
    """The scale of every metric's column over these records; the percentiles of latency share that of the median."""
    scales = {
        name: scale_for(metric, [value for record in records if (value := record.value(name)) is not None])
        for name, metric in METRICS.items()
    }
    return scales | {name: scales["latency_p50_ns"] for name in scales if name.startswith("latency_p")}
