"""What cases, loads, verdicts and columns are called in the report and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.core.execution import FROM_FILE
from harness.core.metric import METRICS, Metric
from harness.core.printable import one_line
from harness.core.quality import TOP1
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Status, Verdict

from .numbers import Scale, scale_for

_DEFAULT_LOAD = "SingleStream"

COLUMNS = {
    "latency_p50_ns": "p50",
    "latency_p90_ns": "p90",
    "latency_p99_ns": "p99",
    "energy_net_j": "Energy",
    "top1": "Top-1",
    "top1_difference": "vs fp32",
    "quality": "Quality",
    "quality_difference": "vs fp32",
    "peak_rss_bytes": "Memory",
    "artifact_bytes": "Size",
}
"""Metrics in a table of cases, with the titles of their columns."""
_QUALITY = ("quality", "quality_difference")
_EXPECTED = tuple(name for name in COLUMNS if name not in ("top1_difference", *_QUALITY))


def measured(records: Sequence[Record], names: Iterable[str] = COLUMNS) -> list[str]:
    """Return the metrics that any record has a value of; the quality of a task that has a metric of its own is once."""
    known = [name for name in names if any(record.value(name) is not None for record in records)]
    own = {record.quality_name for record in records if isinstance(record.quality, Value)}
    return [name for name in known if name not in _QUALITY or "quality" in own]


def expected(records: Sequence[Record]) -> list[str]:
    """Return the columns whose absence a table explains; a difference to fp32 is none: it needs an fp32 case."""
    scored = "quality" in measured(records)
    return [name for name in _EXPECTED if not (scored and name == TOP1.metric)]


def metric_of(name: str, records: Sequence[Record]) -> Metric:
    """Return a metric, the quality with the title and the better direction that the task of these records gives it."""
    kinds = dict.fromkeys(record.quality_kind for record in records if record.quality_name == "quality")
    if name not in _QUALITY or len(kinds) != 1:
        return METRICS[name]
    (kind,) = kinds
    title = kind.title if name == "quality" else f"{kind.title} to fp32"
    return replace(METRICS[name], title=title, better=kind.better)


def titles_of(records: Sequence[Record]) -> dict[str, str]:
    """Return the titles of `COLUMNS` for a table of these records."""
    return {**COLUMNS, "quality": metric_of("quality", records).title}


_MARKS: dict[Status, str] = {"precise": "✓", "imprecise": "≈", "untimed": "○", "unsupported": "○"}


def setting_of(record: Record, separator: str = " · ") -> str:
    """Return the case without its model: compression, runtime and threads, and the load unless it is the default."""
    case = record.case
    load = load_of(record).removeprefix(_DEFAULT_LOAD).strip()
    return one_line(separator.join([case.compression, case.runtime, f"t{case.threads}", *([load] if load else [])]))


def label_of(record: Record) -> str:
    """Return the model and the setting of a case."""
    return f"{one_line(record.case.model)} · {setting_of(record)}"


def is_built(record: Record) -> bool:
    """Return whether the case's file was built from a model of the user, and so is in the cache."""
    return record.case.weights == "user" and record.artifact is not None and "source_sha256" in record.artifact.recipe


def load_of(record: Record) -> str:
    """Return how queries reached the model: 'SingleStream', 'Offline s2 b8', 'SingleStream loadgen'.

    Times and energies of two cases can be compared only if their loads are equal.
    """
    case = record.case
    batch = f"b{case.batch}" if case.batch != 1 else ""
    driver = case.driver if case.driver != "own" else ""
    return " ".join(filter(None, (case.scenario, case.load.label(case.scenario), batch, driver)))


def main_load(records: Sequence[Record]) -> str:
    """Return the load used for rankings: SingleStream if any record has it, otherwise that of the first record."""
    loads = [load_of(record) for record in records]
    return _DEFAULT_LOAD if _DEFAULT_LOAD in loads or not loads else loads[0]


def effective_precision_note(record: Record) -> str:
    """Return 'ran in bf16' if the runtime reports another precision than the one requested, otherwise ''."""
    execution = record.execution
    differs = isinstance(execution.effective, str) and execution.asked not in (FROM_FILE, execution.effective)
    return f"ran in {execution.effective}" if differs else ""


def mark_of(verdict: Verdict) -> str:
    """Return the sign of a verdict.

    ✓ precise, ≈ imprecise, ! measured and not to be trusted, ✕ failed, ○ neither measured nor failed.
    """
    if verdict.status in _MARKS:
        return _MARKS[verdict.status]
    return "✕" if verdict.failed else "!"


def scales_of(records: Sequence[Record]) -> dict[str, Scale]:
    """Return one scale per metric for these records; latency percentiles share the scale of the median."""
    scales = {
        name: scale_for(metric, [value for record in records if (value := record.value(name)) is not None])
        for name, metric in METRICS.items()
    }
    scales |= {name: scales["latency_p50_ns"] for name in scales if name.startswith("latency_p")}
    return scales | _quality_scales(records)


def _quality_scales(records: Sequence[Record]) -> dict[str, Scale]:
    """Return how the quality and its differences are shown: as the tasks say, plain where they differ."""
    units = {record.quality_kind.unit for record in records if isinstance(record.quality, Value)} or {TOP1.unit}
    if units == {"share"}:
        return {"quality": Scale(100.0, "%"), "quality_difference": Scale(100.0, "points")}
    unit = units.pop() if len(units) == 1 else ""
    return dict.fromkeys(_QUALITY, Scale(1.0, unit))
