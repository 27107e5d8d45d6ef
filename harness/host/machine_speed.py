"""How fast a machine is now against its usual, and how far its own runs differ: what a single run cannot know.

The times of three pieces of fixed work are kept for each unit of hardware, in the user's state folder.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.files import state_dir, write_atomic
from harness.core.quantity import Missing, utc_now
from harness.core.verdict import Finding
from harness.stats.distributions import t_quantile

from .identity import Machine

_log = logging.getLogger(__name__)

CHECK = "machine_speed"
"""Name of the finding about it."""

KNOWN_FROM = 5
"""Earlier runs from which on a machine's usual speed is known."""

SHOWN_FROM = 0.03
"""A deviation below this is none, however steady the machine usually is."""

USED, KEPT = 60, 200
"""Earlier runs that the usual is made of, so that it follows an ageing machine, and those that stay in the file."""

_MAD_TO_SD = 1.4826

WORK: Mapping[str, str] = {
    "control": "a fixed piece of integer work",
    "memory": "a fixed stream from memory",
    "reference": "the reference net",
}
"""What is timed, by its name in the history, as it is called in sentences."""

HANDOVER = "handover"
"""Name of the round trip between CPUs in the history. It has no usual time, since a host may move the CPUs."""


@dataclass(frozen=True)
class UsualTime:
    """The time that a fixed piece of work usually takes.

    Attributes:
        ns: Median over earlier runs.
        spread: Standard deviation of its logarithm from run to run.
        runs: Number of earlier runs.
    """

    ns: float
    spread: float
    runs: int

    @classmethod
    def of(cls, times_ns: Sequence[float]) -> UsualTime | None:
        """Return the usual one of these, None where they are too few; outliers move neither median nor spread."""
        if len(times_ns) < KNOWN_FROM:
            return None
        logs = np.log(times_ns)
        middle = float(np.median(logs))
        return cls(math.exp(middle), float(_MAD_TO_SD * np.median(np.abs(logs - middle))), len(times_ns))

    @property
    def reach(self) -> float:
        """How far from the usual the logarithm of one more run lies at 95 %."""
        return t_quantile(0.975, self.runs - 1) * self.spread * math.sqrt(1 + 1 / self.runs)

    def deviation(self, ns: float, least: float = SHOWN_FROM) -> float:
        """Return by which share a time is above (below) the usual; 0 within `least` or what runs differ by anyway."""
        log = math.log(ns / self.ns)
        return math.expm1(log) if abs(log) > max(math.log1p(least), self.reach) else 0.0


@dataclass(frozen=True)
class MachineSpeed:
    """The speed of a machine in one run.

    Attributes:
        now_ns: Time of each piece of fixed work in this run, by the names of `WORK`.
        usual: Its usual time, for those that are known.
        earlier_runs: Runs in the machine's history.
        handover_ns: Fastest round trip between CPUs in earlier runs; None if none measured one.
        unknown: Why there is no history or nothing was measured, '' where there is nothing to add.
    """

    now_ns: Mapping[str, float] = field(default_factory=dict)
    usual: Mapping[str, UsualTime] = field(default_factory=dict)
    earlier_runs: int = 0
    handover_ns: float | None = None
    unknown: str = "it was not measured"

    @property
    def between_runs(self) -> UsualTime | None:
        """What the reference net shows of the differences between runs, None where nothing is known yet."""
        return self.usual.get("reference")

    def deviations(self, least: float = SHOWN_FROM) -> dict[str, float]:
        """Return by which share each piece of work is slower (faster) than usual, only those that are."""
        both = [(name, usual) for name, usual in self.usual.items() if name in self.now_ns]
        found = {name: usual.deviation(self.now_ns[name], least) for name, usual in both}
        return {name: share for name, share in found.items() if share}

    @property
    def finding(self) -> Finding:
        """What a run says of it, beside the checks of the environment."""
        usual = self.between_runs
        if self.unknown or usual is None:
            why = self.unknown or f"{self.earlier_runs} of {KNOWN_FROM} earlier runs"
            words = f"nothing is known yet of this machine's usual speed ({why}): intervals hold within this run"
            return Finding(CHECK, "unknown", words)
        if words := self.words():
            remedy = "compare by `edgebench ab`, which measures both in turn, or run again when the machine is as usual"
            return Finding(CHECK, "warn", words, remedy)
        now, then = (f"{ns / 1e6:.3g} ms" for ns in (self.now_ns["reference"], usual.ns))
        runs = f"{then} in the median of {usual.runs} runs before, within {usual.reach:.1%} at 95 %"
        return Finding(CHECK, "ok", f"as usual: {WORK['reference']} took {now}, {runs}")

    def words(self, least: float = SHOWN_FROM) -> str:
        """Return the largest deviation as a sentence, '' where there is none."""
        found = self.deviations(least)
        if not found:
            return ""
        name = max(found, key=lambda name: abs(math.log1p(found[name])))
        return deviation_words(found[name], WORK[name], self.now_ns[name], self.usual[name])

    def on_this_machine(self, half_width: float) -> float | None:
        """Widen a relative half-width by how far runs of this machine differ; None where that is unknown."""
        usual = self.between_runs
        return None if usual is None else math.expm1(math.hypot(math.log1p(half_width), usual.reach))

    def to_json(self) -> dict[str, Any]:
        """Return it as a record keeps it; `between_runs` is the spread that comparisons are widened by."""
        usual = {name: {"ns": u.ns, "spread": u.spread, "runs": u.runs} for name, u in self.usual.items()}
        told: dict[str, Any] = {"now_ns": dict(self.now_ns), "usual": usual, "earlier_runs": self.earlier_runs}
        handover = {} if self.handover_ns is None else {"handover_ns": self.handover_ns}
        return {**told, **handover, **({"unknown": self.unknown} if self.unknown else {})}


UNKNOWN_SPEED = MachineSpeed()


def deviation_words(share: float, work: str, now_ns: float, usual: UsualTime) -> str:
    """Return 'machine 8 % slower than its usual: ...'."""
    how = "slower" if share > 0 else "faster"
    times = f"{work} took {now_ns / 1e6:.3g} ms, {usual.ns / 1e6:.3g} ms in the median of {usual.runs} runs before"
    return f"machine {100 * abs(share):.0f} % {how} than its usual: {times}"


def between_runs(recorded: Mapping[str, Any]) -> float | None:
    """Return the reach of `UsualTime` that a record's `machine_speed` tells of, None where it knows of none."""
    usual = recorded.get("usual", {}).get("reference")
    return UsualTime(usual["ns"], usual["spread"], usual["runs"]).reach if usual else None


class SpeedHistory:
    """The times of the runs of one unit before this one, a line of JSON each.

    Only runs with the same software are compared: another Python or NumPy takes other times.
    """

    def __init__(self, unit_id: str, software: str, folder: Path | None = None) -> None:
        self.path = (folder or state_dir() / "machine-speed") / f"{unit_id}.jsonl"
        self._software = software

    def judge(self, now_ns: Mapping[str, float] | Missing) -> MachineSpeed:
        """Return these times with the usual ones, which are known even if the machine was too busy to measure now."""
        runs = [times["now_ns"] for times in self._lines() if times["software"] == self._software][-USED:]
        series = {name: [run[name] for run in runs if name in run] for name in (*WORK, HANDOVER)}
        handovers = series.pop(HANDOVER)
        usual = {name: known for name, times in series.items() if (known := UsualTime.of(times)) is not None}
        fastest_ns = min(handovers, default=None)
        if isinstance(now_ns, Missing):
            return MachineSpeed({}, usual, len(runs), fastest_ns, unknown=now_ns.reason)
        return MachineSpeed(now_ns, usual, len(runs), fastest_ns, unknown="")

    def add(self, now_ns: Mapping[str, float]) -> None:
        """Keep the times of a run; where the file cannot be written, say so in the log and go on."""
        entry = {"at_utc": utc_now(), "software": self._software, "now_ns": dict(now_ns)}
        lines = [json.dumps(line) for line in (*self._lines(), entry)]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.path, ("\n".join(lines[-KEPT:]) + "\n").encode())
        except OSError as error:
            _log.warning("the machine's speed is not kept: %s: %s", self.path, error)

    def _lines(self) -> list[dict[str, Any]]:
        """Read the runs, without lines that are damaged."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for line in map(_parsed, text.splitlines()) if line is not None]


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
        times = {str(name): float(ns) for name, ns in line["now_ns"].items()}
        return {**line, "software": str(line["software"]), "now_ns": times} if min(times.values()) > 0 else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def history_of(machine: Machine, software: str) -> SpeedHistory | Missing:
    """Return the history of a unit; Missing where it has no id to keep one under."""
    if machine.unit_id is None:
        return Missing(f"this unit has no id to keep its speed under: {machine.unknown.get('unit_id', 'unknown')}")
    return SpeedHistory(machine.unit_id, software)
