"""Two runs side by side: the ratio of every case's latency with interval and verdict, and what must not be compared."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from harness.core.errors import UsageError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record, RunHeader
from harness.measure.presets import PROFILES
from harness.stats.distributions import t_quantile

from .runfolder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


# What differs between two units of one kind, or changes on one machine over its life. A change of kernel or firmware
# is what a comparison may be made for; the report marks it as an environment change.
_NOT_CLASS = frozenset({"machine_id", "kernel", "os", "microcode", "firmware", "unknown", "memory_bytes"})
_GIB = 1 << 30

Pair = tuple[Record, Record]


def check_comparable(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> None:
    """UsageError naming everything that differs between the two runs, and between the records to be compared."""
    found = differences(a, b, pairs)
    if found:
        raise UsageError(
            f"the runs come from different machines or settings: {'; '.join(found)}",
            "--force compares them all the same, and says so beside every figure",
        )


def differences(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> list[str]:
    """What makes two runs unlike, a phrase each; nothing when they may be compared."""
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    named = [
        ("target", a.target, b.target),
        *_machine(a.host, b.host),
        ("power mode", _power_mode(a), _power_mode(b)),
        ("power scope", _scopes(first), _scopes(second)),
    ]
    found = [f"{name}: {one} and {other}" for name, one, other in named if _unlike(name, one, other)]
    threads = {(one.case.threads, other.case.threads) for one, other in pairs}
    return found + [f"threads: {one} and {other}" for one, other in sorted(threads) if one != other]


def other_file(a: Record, b: Record) -> bool:
    """Whether the two records are of different model files, as far as both name theirs."""
    return bool(a.artifact and b.artifact and a.artifact.sha256 != b.artifact.sha256)


def pairs_of(first: Sequence[Record], second: Sequence[Record]) -> list[Pair]:
    """Records of the same case; where there is none at all, those that differ in nothing but their threads."""
    others = {record.case_id: record for record in second}
    same = [(record, others[record.case_id]) for record in first if record.case_id in others]
    if same:
        return same
    rest = {dataclasses.replace(record.case, threads=1): record for record in second}
    keyed = [(record, dataclasses.replace(record.case, threads=1)) for record in first]
    return [(record, rest[key]) for record, key in keyed if key in rest]


def _machine(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Facts of the class of a machine; memory in whole GiB, since kernels keep some of it for themselves."""
    for name in sorted({*a, *b} - _NOT_CLASS):
        yield name, a.get(name), b.get(name)
    yield "memory GiB", _gibibytes(a), _gibibytes(b)


def _gibibytes(host: Mapping[str, Any]) -> int | None:
    size = host.get("memory_bytes")
    return round(size / _GIB) if isinstance(size, int) else None


def _unlike(name: str, one: Any, other: Any) -> bool:
    """Power is compared where both sides know of it: a run without a sensor says nothing of another scope."""
    if name.startswith("power") and not (one and other):
        return False
    return bool(one != other)


def _power_mode(header: RunHeader) -> str:
    """What the check of that name found; '' where the machine has no power modes."""
    found = next((each for each in header.findings if each.check == "power_mode"), None)
    return found.found if found and found.status != "unknown" else ""


def _scopes(records: Sequence[Record]) -> str:
    """What the energy figures of some records include: 'board', 'package', ...; '' without energy."""
    traces = [trace for record in records if record.value("energy_gross_j") is not None for trace in record.traces]
    return ", ".join(sorted({trace.scope for trace in traces if trace.unit in {"W", "J"}}))


Change = Literal["faster", "slower", "same", "undecided"]
SMALLEST = 0.01  # changes below 1 % are not worth a verdict, however sure (criterion.rs uses the same noise floor)
SAME_WITHIN = 0.03  # an interval of the ratio that lies inside +-3 % shows that nothing relevant changed
LEVEL = 0.95


@dataclass(frozen=True)
class Comparison:
    """One case in both runs. `latency` is b over a (1.05: b takes 5 % longer); energy likewise; `top1` is b minus a.

    In Offline, whose figure is throughput, `latency` is the ratio of the time a sample takes: throughput of a over b.
    """

    case_id: str
    change: Change
    reason: str
    latency: Quantity
    energy: Quantity
    top1: Quantity


def compare_records(a: Record, b: Record) -> Comparison:
    """Compare one case's records. Of one that cannot be trusted there is no ratio of time or energy, but a reason."""
    top1 = _top1_delta(a, b)
    for side, record in (("first", a), ("second", b)):
        if not record.verdict.trusted:
            doubt = Missing(f"{record.verdict.status} in the {side} run")
            return Comparison(a.case_id, "undecided", doubt.reason, doubt, doubt, top1)
    ratio = _ratio(a, b)
    return Comparison(a.case_id, *_verdict(ratio, smallest_change(a, b)), ratio, _energy_ratio(a, b), top1)


def smallest_change(*records: Record) -> float:
    """The least relative change that gets a verdict: 1 %, or what the coarsest profile's interval may span.

    The processes of one run tell how processes scatter, not how runs do: two quick runs of one machine differed by up
    to 4 % where their intervals did not meet. For smaller changes there is `edgebench ab`, whose pairs share a moment.
    """
    names = [str(record.details.get("profile")) for record in records]
    return max([SMALLEST, *(PROFILES[name].half_width for name in names if name in PROFILES)])


def compare_runs(a: RunFolder, b: RunFolder, force: bool = False) -> pd.DataFrame:
    """One row a case in both runs: case, change, reason, and ratio, lo, hi of latency; energy ratio; top-1 difference.

    The column `other_file` says whether the model file changed, so that the ratio is not that of one file.

    Raises UsageError, unless forced, when the runs are unlike, which is what the ratio would then be of: other machine
    class, power mode, number of threads or scope of power. Forced, the column `unlike` says in every row what differs.
    """
    import pandas as pd

    pairs = pairs_of(a.records(), b.records())
    if not force:
        check_comparable(a.header(), b.header(), pairs)
    if not pairs:
        raise UsageError("the two runs have no case in common", "compare runs of the same suite")
    unlike = "; ".join(differences(a.header(), b.header(), pairs))
    rows = [{**_row(compare_records(*pair)), "unlike": unlike, "other_file": other_file(*pair)} for pair in pairs]
    return pd.DataFrame(rows)


def _latency_ratio(a: Record, b: Record) -> Quantity:
    """The ratio b / a of process medians; Welch's t on their logarithms, since latency scatter is multiplicative."""
    first, second = (_log_medians(record) for record in (a, b))
    if not first.size or not second.size:
        return Missing(f"no latency in the {'second' if first.size else 'first'} run")
    difference = float(second.mean() - first.mean())
    if min(first.size, second.size) < 2:
        return Value(math.exp(difference))
    half = _welch_half_width(first, second)
    return Value(math.exp(difference), math.exp(difference - half), math.exp(difference + half))


def _ratio(a: Record, b: Record) -> Quantity:
    """Time b / a: of a sample in Offline, else of the median; an import has no processes to tell how it scatters."""
    if a.case.scenario == "Offline":
        ratio = _recorded_ratio(a, b, "throughput_per_s", "throughput")
        return ratio if isinstance(ratio, Missing) else _inverse(ratio)
    if a.details.get("source") or b.details.get("source"):
        return _recorded_ratio(a, b, "latency_p50_ns", "median latency")
    return _latency_ratio(a, b)


def _recorded_ratio(a: Record, b: Record, metric: str, words: str) -> Quantity:
    """A recorded metric's b / a; the half-widths of its intervals on the log scale add in quadrature."""
    first, second = a.quantity(metric), b.quantity(metric)
    if isinstance(first, Missing) or first.value <= 0:
        return Missing(f"no {words} in the first run")
    if isinstance(second, Missing) or second.value <= 0:
        return Missing(f"no {words} in the second run")
    ratio, halves = second.value / first.value, [_log_half_width(first), _log_half_width(second)]
    if None in halves:
        return Value(ratio)
    half = math.hypot(*(half for half in halves if half is not None))
    return Value(ratio, ratio * math.exp(-half), ratio * math.exp(half))


def _inverse(value: Value) -> Value:
    """1 / value, its bounds changing places."""
    if value.lo is None or value.hi is None:
        return Value(1 / value.value)
    return Value(1 / value.value, 1 / value.hi, 1 / value.lo)


def _log_half_width(value: Value) -> float | None:
    """Half the width of the interval's logarithm; None without an interval or where it reaches 0."""
    return None if not value.lo or not value.hi or value.lo <= 0 else math.log(value.hi / value.lo) / 2


def _log_medians(record: Record) -> npt.NDArray[np.float64]:
    return np.log([float(process.median_ns) for process in record.processes if process.median_ns > 0])


def _welch_half_width(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Student's t times the standard error, with the degrees of freedom of Welch (1947) and Satterthwaite (1946)."""
    squares = [float(np.var(side, ddof=1)) / len(side) for side in (a, b)]
    error = sum(squares)
    if error == 0.0:
        return 0.0
    freedom = error**2 / sum(part**2 / (len(side) - 1) for part, side in zip(squares, (a, b), strict=True))
    # rounded, so that a report over a thousand cases finds most quantiles in the cache; t moves by less than 1 %
    return t_quantile(0.5 + LEVEL / 2, round(freedom, 2)) * math.sqrt(error)


def _verdict(ratio: Quantity, smallest: float) -> tuple[Change, str]:
    if isinstance(ratio, Missing):
        return "undecided", ratio.reason
    if ratio.lo is None or ratio.hi is None:
        return "undecided", "without an interval on both sides nothing tells how runs scatter"
    clear = ratio.hi < 1 or ratio.lo > 1
    if clear and abs(ratio.value - 1) > smallest:
        return ("faster" if ratio.value < 1 else "slower"), ""
    if ratio.lo > 1 - SAME_WITHIN and ratio.hi < 1 + SAME_WITHIN:
        return "same", ""
    if clear:
        return "undecided", f"less than {smallest:.0%}, by which runs of this profile differ anyway: try edgebench ab"
    return "undecided", f"the interval {ratio.lo:.3f} to {ratio.hi:.3f} holds both a change and none"


def _energy_ratio(a: Record, b: Record) -> Quantity:
    """Net energy b / a; the sensor's scope is the same where the machine is."""
    first, second = a.quantity("energy_net_j"), b.quantity("energy_net_j")
    if isinstance(first, Missing):
        return first
    if isinstance(second, Missing):
        return second
    if first.value <= 0 or second.value <= 0:
        return Missing("net energy is not above the idle power")
    return Value(second.value / first.value)


def _top1_delta(a: Record, b: Record) -> Quantity:
    first, second = a.quantity("top1"), b.quantity("top1")
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
