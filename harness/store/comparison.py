"""Compare two runs: the latency ratio of each case with interval and verdict, and what must not be compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from harness.core.errors import UsageError
from harness.core.quality import TOP1, QualityKind
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record, RunHeader
from harness.core.verdict import TIMED
from harness.host.machine_speed import between_runs
from harness.measure.presets import PROFILES
from harness.stats.distributions import t_quantile

from .runfolder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


# Facts that differ between two units of one kind, or change on one machine over its life. A comparison may be made
# because of a new kernel or firmware; the report marks such a change of the environment.
_NOT_CLASS = frozenset({
    "machine_id", "unit_id", "unit_source", "kernel", "os", "microcode", "firmware", "unknown", "memory_bytes"
})  # fmt: skip
_GIB = 1 << 30

NO_INPUTS = "none"

Pair = tuple[Record, Record]


def check_comparable(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> None:
    """Raise UsageError if the runs or the records to compare differ in more than what was measured."""
    differing = differences(a, b, pairs)
    if differing:
        raise UsageError(
            f"the runs come from different machines or settings: {'; '.join(differing)}",
            "--force compares them nevertheless, and says so beside each figure",
        )


def differences(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> list[str]:
    """List what makes two runs unlike, a phrase each; empty if they may be compared."""
    first, second = [left for left, _ in pairs], [right for _, right in pairs]
    facts = [
        ("target", a.target, b.target),
        *_machine(a.host, b.host),
        ("power mode", _power_mode(a), _power_mode(b)),
        ("power scope", _scopes(first), _scopes(second)),
    ]
    differing = [f"{name}: {left} and {right}" for name, left, right in facts if _unlike(name, left, right)]
    threads = {(left.case.threads, right.case.threads) for left, right in pairs}
    inputs = {(left.case.inputs or NO_INPUTS, right.case.inputs or NO_INPUTS) for left, right in pairs}
    return [
        *differing,
        *(f"threads: {left} and {right}" for left, right in sorted(threads) if left != right),
        *(f"inputs (--inputs): {left} and {right}" for left, right in sorted(inputs) if left != right),
    ]


def other_file(a: Record, b: Record) -> bool:
    """Return whether the two records are of different model files, as far as both name theirs."""
    return bool(a.artifact and b.artifact and a.artifact.sha256 != b.artifact.sha256)


def pairs_of(first: Sequence[Record], second: Sequence[Record]) -> list[Pair]:
    """Pair the records of the same case; if there are none, those that differ in their number of threads alone."""
    others = {record.case_id: record for record in second}
    same = [(record, others[record.case_id]) for record in first if record.case_id in others]
    if same:
        return same
    rest = {dataclasses.replace(record.case, threads=1): record for record in second}
    keyed = [(record, dataclasses.replace(record.case, threads=1)) for record in first]
    return [(record, rest[key]) for record, key in keyed if key in rest]


def _machine(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield facts that define the class of a machine; memory in whole GiB, since kernels reserve some of it."""
    for name in sorted({*a, *b} - _NOT_CLASS):
        yield name, a.get(name), b.get(name)
    yield "memory GiB", _gibibytes(a), _gibibytes(b)


def _gibibytes(host: Mapping[str, Any]) -> int | None:
    size = host.get("memory_bytes")
    return round(size / _GIB) if isinstance(size, int) else None


def _unlike(name: str, left: Any, right: Any) -> bool:
    """Compare two facts; those about power only if both runs have them, since a run may have no sensor."""
    if name.startswith("power") and not (left and right):
        return False
    return bool(left != right)


def _power_mode(header: RunHeader) -> str:
    """Return the power mode that the check read; '' if the machine has none."""
    finding = next((finding for finding in header.findings if finding.check == "power_mode"), None)
    return finding.found if finding and finding.status != "unknown" else ""


def _scopes(records: Sequence[Record]) -> str:
    """Return the scopes of the records' energy figures, such as 'board, package'; '' without energy."""
    traces = [trace for record in records if record.value("energy_gross_j") is not None for trace in record.traces]
    return ", ".join(sorted({trace.scope for trace in traces if trace.unit in {"W", "J"}}))


Change = Literal["faster", "slower", "same", "undecided"]
SMALLEST = 0.01  # changes below 1 % are not worth a verdict, however sure (criterion.rs uses the same noise floor)
SAME_WITHIN = 0.03  # an interval of the ratio that lies inside +-3 % shows that nothing relevant changed
LEVEL = 0.95


@dataclass(frozen=True)
class Comparison:
    """One case in two runs, a and b.

    Attributes:
        case_id: Id of the case in run a.
        change: The verdict on the latency.
        reason: Why it is undecided, else ''.
        latency: Latency of b over that of a: at 1.05 b takes 5 % longer. In Offline, the time per sample: throughput
            of a over that of b.
        energy: Net energy of b over that of a.
        top1: Top-1 of b minus that of a, or the quality of another task.
        quality: What the quality is.

    """

    case_id: str
    change: Change
    reason: str
    latency: Quantity
    energy: Quantity
    top1: Quantity
    quality: QualityKind = TOP1

    @property
    def quality_change(self) -> str | None:
        """The difference of the quality in words: '-1.25 points', '+0.3 px'; None where it is missing."""
        return self.quality.change(self.top1.value) if isinstance(self.top1, Value) else None


def compare_records(a: Record, b: Record) -> Comparison:
    """Compare the records of a case. What the verdict on one of them spoils has a reason instead of a figure.

    The ratio of latencies is as uncertain as the two runs and the difference between runs of their machines.
    """
    narrow = _spoiled(a, b, TIMED) or _ratio(a, b)
    ratio = _widened(narrow, a, b)
    change, reason = _verdict(ratio, smallest_change(a, b))
    if change == "undecided" and ratio != narrow:
        reason += f"; runs of the same machine differ by {math.expm1(math.hypot(_reach(a), _reach(b))):.1%}"
    energy = _spoiled(a, b, "energy_net_j") or _energy_ratio(a, b)
    top1 = _spoiled(a, b, "top1") or _quality_delta(a, b)
    return Comparison(a.case_id, change, reason, ratio, energy, top1, b.quality_kind)


def _spoiled(a: Record, b: Record, name: str) -> Missing | None:
    """Return which verdict forbids to compare a metric of two records; None where none does."""
    for side, record in (("first", a), ("second", b)):
        if not record.trusts(name):
            return Missing(f"{record.verdict.status} in the {side} run")
    return None


def smallest_change(*records: Record) -> float:
    """Return the least relative change that gets a verdict: 1 %, or the half-width of the coarsest profile.

    The processes of one run show how processes vary, not how runs do: two quick runs on one machine differed by up to
    4 % although their intervals did not overlap. `edgebench ab` decides smaller changes, since its pairs run together.
    """
    names = [str(record.details.get("profile")) for record in records]
    return max([SMALLEST, *(PROFILES[name].half_width for name in names if name in PROFILES)])


def compare_runs(a: RunFolder, b: RunFolder, force: bool = False) -> pd.DataFrame:
    """Compare the cases that two runs have in common.

    Args:
        a: The first run.
        b: The second run, whose figures are the numerators.
        force: Whether to compare runs that are unlike; the column `unlike` then says what differs.

    Returns:
        One row per case: case, change, reason, ratio, lo and hi of the latency, energy ratio, difference of top-1,
        `unlike`, `other_file`, which is true where the model file differs, and what the quality is and how it changed.

    Raises:
        UsageError: The runs have no case in common, or differ in machine class, power mode, number of threads or scope
            of power and are not forced.

    """
    import pandas as pd

    pairs = pairs_of(a.records(), b.records())
    if not force:
        check_comparable(a.header(), b.header(), pairs)
    if not pairs:
        raise UsageError("the two runs have no case in common", "compare runs of the same suite")
    unlike = "; ".join(differences(a.header(), b.header(), pairs))
    return pd.DataFrame([_compared(*pair, unlike) for pair in pairs])


def _compared(a: Record, b: Record, unlike: str) -> dict[str, object]:
    comparison = compare_records(a, b)
    quality = {"quality_metric": comparison.quality.metric, "quality_change": comparison.quality_change}
    return {**_row(comparison), "unlike": unlike, "other_file": other_file(a, b), **quality}


def _latency_ratio(a: Record, b: Record) -> Quantity:
    """Return the ratio b / a of process medians with Welch's interval on logarithms (noise is multiplicative)."""
    first, second = (_log_medians(record) for record in (a, b))
    if not first.size or not second.size:
        return Missing(f"no latency in the {'second' if first.size else 'first'} run")
    difference = float(second.mean() - first.mean())
    if min(first.size, second.size) < 2:
        return Value(math.exp(difference))
    half = _welch_half_width(first, second)
    return Value(math.exp(difference), math.exp(difference - half), math.exp(difference + half))


def _ratio(a: Record, b: Record) -> Quantity:
    """Return the time b / a: per sample in Offline, else of the median. Imported runs have no process medians."""
    if a.case.scenario == "Offline":
        ratio = _recorded_ratio(a, b, "throughput_per_s", "throughput")
        return ratio if isinstance(ratio, Missing) else _inverse(ratio)
    if a.details.get("source") or b.details.get("source"):
        return _recorded_ratio(a, b, "latency_p50_ns", "median latency")
    return _latency_ratio(a, b)


def _widened(ratio: Quantity, a: Record, b: Record) -> Quantity:
    """Widen a ratio between two runs by how far runs of each machine differ, as far as their histories know that."""
    reaches = [_reach(record) for record in (a, b)]
    if a.run_id == b.run_id or not any(reaches) or isinstance(ratio, Missing) or ratio.lo is None or ratio.hi is None:
        return ratio
    below, above = math.log(ratio.value / ratio.lo), math.log(ratio.hi / ratio.value)
    down, up = (math.hypot(half, *reaches) for half in (below, above))
    return dataclasses.replace(ratio, lo=ratio.value * math.exp(-down), hi=ratio.value * math.exp(up))


def _reach(record: Record) -> float:
    """Return how far a run of that machine lies from its usual at 95 %, on the log scale; 0 where that is unknown."""
    return between_runs(record.details.get("machine_speed", {})) or 0.0


def _recorded_ratio(a: Record, b: Record, metric: str, title: str) -> Quantity:
    """Return b / a of a recorded metric; the half-widths of its intervals on the log scale add in quadrature."""
    first, second = a.quantity(metric), b.quantity(metric)
    if isinstance(first, Missing) or first.value <= 0:
        return Missing(f"no {title} in the first run")
    if isinstance(second, Missing) or second.value <= 0:
        return Missing(f"no {title} in the second run")
    ratio, halves = second.value / first.value, [_log_half_width(first), _log_half_width(second)]
    if None in halves:
        return Value(ratio)
    half = math.hypot(*(half for half in halves if half is not None))
    return Value(ratio, ratio * math.exp(-half), ratio * math.exp(half))


def _inverse(value: Value) -> Value:
    """Return 1 / value with its interval."""
    if value.lo is None or value.hi is None:
        return Value(1 / value.value)
    return Value(1 / value.value, 1 / value.hi, 1 / value.lo)


def _log_half_width(value: Value) -> float | None:
    """Return half the width of the interval on the log scale; None without an interval or if it reaches 0."""
    return None if not value.lo or not value.hi or value.lo <= 0 else math.log(value.hi / value.lo) / 2


def _log_medians(record: Record) -> npt.NDArray[np.float64]:
    return np.log([float(process.median_ns) for process in record.processes if process.median_ns > 0])


def _welch_half_width(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Return t times the standard error, with the degrees of freedom of Welch (1947) and Satterthwaite (1946)."""
    squares = [float(np.var(side, ddof=1)) / len(side) for side in (a, b)]
    error = sum(squares)
    if error == 0.0:
        return 0.0
    freedom = error**2 / sum(part**2 / (len(side) - 1) for part, side in zip(squares, (a, b), strict=True))
    # rounded, so that a report over a thousand cases finds most quantiles in the cache; t changes by less than 1 %
    return t_quantile(0.5 + LEVEL / 2, round(freedom, 2)) * math.sqrt(error)


def _verdict(ratio: Quantity, smallest: float) -> tuple[Change, str]:
    if isinstance(ratio, Missing):
        return "undecided", ratio.reason
    if ratio.lo is None or ratio.hi is None:
        return "undecided", "undecidable without an interval in both runs"
    clear = ratio.hi < 1 or ratio.lo > 1
    if clear and abs(ratio.value - 1) > smallest:
        return ("faster" if ratio.value < 1 else "slower"), ""
    if ratio.lo > 1 - SAME_WITHIN and ratio.hi < 1 + SAME_WITHIN:
        return "same", ""
    if clear:
        return "undecided", f"below {smallest:.0%}, the difference between runs of this profile: try edgebench ab"
    return "undecided", f"the interval {ratio.lo:.3f} to {ratio.hi:.3f} includes both a change and no change"


def _energy_ratio(a: Record, b: Record) -> Quantity:
    """Return net energy b / a; comparable runs have the same sensor scope."""
    first, second = a.quantity("energy_net_j"), b.quantity("energy_net_j")
    if isinstance(first, Missing):
        return first
    if isinstance(second, Missing):
        return second
    if first.value <= 0 or second.value <= 0:
        return Missing("net energy is not above the idle power")
    return Value(second.value / first.value)


def _quality_delta(a: Record, b: Record) -> Quantity:
    first, second = a.quality, b.quality
    if a.quality_kind != b.quality_kind:
        return Missing(f"the quality of a is {a.quality_kind.label}, that of b {b.quality_kind.label}")
    if isinstance(first, Missing):
        return first
    return second if isinstance(second, Missing) else Value(second.value - first.value)


def _row(comparison: Comparison) -> dict[str, object]:
    latency = comparison.latency
    bounds = (latency.lo, latency.hi) if isinstance(latency, Value) else (None, None)
    return {
        "case": comparison.case_id,
        "change": comparison.change,
        "reason": comparison.reason,
        "latency_ratio": _number(latency),
        "latency_ratio_lo": bounds[0],
        "latency_ratio_hi": bounds[1],
        "energy_ratio": _number(comparison.energy),
        "top1_delta": _number(comparison.top1),
    }


def _number(quantity: Quantity) -> float | None:
    return quantity.value if isinstance(quantity, Value) else None
