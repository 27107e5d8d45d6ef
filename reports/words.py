"""What cases and verdicts are called in page and terminal, and text of unknown origin made short and printable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.core.execution import FROM_FILE
from harness.core.metric import METRICS
from harness.core.quantity import Missing
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
    "top1_difference": "vs fp32",
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


def is_built(record: Record) -> bool:
    """Return whether the case's file was built of a model of the user, so that it has to be fetched from the cache."""
    return record.case.weights == "user" and record.artifact is not None and "source_sha256" in record.artifact.recipe


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


LONGEST_LOG = 4_000
LONGEST_VALUE = 400
LONGEST_REASON = 1_000
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Without terminal sequences and control characters, line ends included; cut where it is no longer a sentence."""
    return _CONTROL.sub("", brief(text)).replace("\n", " ")


def brief(reason: str) -> str:
    """A reason of a readable length: some libraries put a whole log into their error."""
    if len(reason) <= LONGEST_REASON:
        return reason
    return f"{reason[:LONGEST_REASON]}… ({len(reason):,} characters, whole in the record)"


def brief_record(record: Record) -> Record:
    """The record with every reason of a readable length; itself where all are."""
    verdict, metrics = record.verdict, record.metrics
    if len(verdict.reason) + len(verdict.remedy) > LONGEST_REASON:
        verdict = replace(verdict, reason=brief(verdict.reason), remedy=brief(verdict.remedy))
    if any(isinstance(one, Missing) and len(one.reason) > LONGEST_REASON for one in metrics.values()):
        metrics = {
            name: Missing(brief(one.reason)) if isinstance(one, Missing) else one for name, one in metrics.items()
        }
    if verdict is record.verdict and metrics is record.metrics:
        return record
    return replace(record, verdict=verdict, metrics=metrics)


def tail(log: str, longest: int = LONGEST_LOG) -> str:
    """The log's end without control characters, with a note on what was cut."""
    clean = _CONTROL.sub("", log[-2 * longest :])
    if len(log) <= longest:
        return clean
    return f"[the last {longest:,} of {len(log):,} characters]\n{clean[-longest:]}"


def flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as ('host.os.name', 'Debian') pairs, long values cut."""
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        else:
            yield _CONTROL.sub("", name), _value(value)


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(str(part) for part in value)
    else:
        text = "none" if value is None else str(value)
    text = _CONTROL.sub("", text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
