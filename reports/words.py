"""What a case and its verdict are called, in the page and in the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.execution import FROM_FILE
from harness.core.metric import METRICS
from harness.core.record import Record
from harness.core.verdict import Verdict

from .numbers import Scale, scale_for

DEFAULT_LOAD = "SingleStream"

COLUMNS = {
    "latency_p50_ns": "p50",
    "latency_p90_ns": "p90",
    "latency_p99_ns": "p99",
    "energy_net_j": "Energy",
    "top1": "Top-1",
    "top1_difference": "To fp32",
    "peak_rss_bytes": "Memory",
    "artifact_bytes": "Size",
}
"""The metrics of a table of cases, and what their columns are called."""
MISSED = tuple(name for name in COLUMNS if name != "top1_difference")
"""Those of them that a table says it lacks, and why; without fp32 beside a net there is no difference to miss."""


def setting_of(record: Record, joint: str = " · ") -> str:
    """The case without its model: compression, runtime, threads; scenario and batch when not the default."""
    case = record.case
    load = load_of(record).removeprefix(DEFAULT_LOAD).strip()
    return joint.join([case.compression, case.runtime, f"t{case.threads}", *([load] if load else [])])


def label_of(record: Record) -> str:
    """Model and setting."""
    return f"{record.case.model} · {setting_of(record)}"


def load_of(record: Record) -> str:
    """How queries reached the net: 'SingleStream', 'Offline s2 b8', 'SingleStream loadgen'.

    Times and energies may be compared where this is equal, and nowhere else.
    """
    case = record.case
    batch = f"b{case.batch}" if case.batch != 1 else ""
    driver = case.driver if case.driver != "own" else ""
    return " ".join(filter(None, (case.scenario, case.load.label(case.scenario), batch, driver)))


def effective_of(record: Record) -> str:
    """'ran in bf16' where the runtime says it computed in another precision than was asked for; '' otherwise."""
    ran = record.execution
    other = isinstance(ran.effective, str) and ran.asked not in (FROM_FILE, ran.effective)
    return f"ran in {ran.effective}" if other else ""


def main_load(records: Sequence[Record]) -> str:
    """The load that rankings are made in: SingleStream where any record has it, else that of the first record."""
    loads = [load_of(record) for record in records]
    return DEFAULT_LOAD if DEFAULT_LOAD in loads or not loads else loads[0]


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
