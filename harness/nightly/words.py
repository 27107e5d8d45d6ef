"""The sentence of a finding, and the command that measures it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from harness.core.case import Case
from harness.stats.nightly import Verdict

_SCALES = {"ns": (1e3, "ms"), "j": (1e3, "mJ"), "bytes": (2.0**-20, "MiB"), "per_s": (1.0, "/s")}
"""Unit of the metric: factor from the unit of the store's series (seconds for ns), and the name that is shown."""


def sentence(verdict: Verdict, unit: str, changes: Sequence[str] | None, others: int, first_bad: str) -> str:
    """'+4.8 % [3.9, 5.6]; 12.1 -> 12.7 ms; ...': the detector's numbers, and what else a person asks at once.

    `changes` is what differs from the last good build, None where none is kept; `others` how many more series moved.
    """
    scale, shown = _SCALES.get(unit, (1.0, unit))
    parts = [verdict.sentence(shown, scale)]
    if changes is not None:
        parts.append(f"changed since the last good build: {', '.join(changes) or 'nothing, same hash: yes'}")
    parts.append(f"{others} other series moved" if others else "no other series moved")
    if first_bad and verdict.kind == "regression":
        parts.append(f"first bad {first_bad[:10]}")
    return "; ".join(parts)


def repeat(case: Case, old: Path | None, new: Path) -> str:
    """The command that measures this case again: against the kept build where there is one, else alone."""
    if case.scenario != "SingleStream" or case.batch != 1:
        return run_again(case.id)
    if old is None:
        return shlex.join(["edgebench", "run", "--model", str(new), "--runtime", case.runtime])
    runtimes = ["--runtime-a", case.runtime, "--runtime-b", case.runtime]
    return shlex.join(["edgebench", "compare", "--ab", str(old), str(new), *runtimes, "--threads", str(case.threads)])


def run_again(case_id: str) -> str:
    """The command that measures a case as the suite has it."""
    return shlex.join(["edgebench", "run", "-k", case_id])
