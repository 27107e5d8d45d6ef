"""Plans of made-up runs: prepared cases on a generic PC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.core.case import Case
from harness.core.target import Target
from harness.measure.prepared import PreparedCase
from harness.measure.presets import profile
from harness.runs.plan import Plan


def plan_of(prepared: Iterable[PreparedCase], out: Path = Path("run"), cases: Sequence[Case] = (), **more: Any) -> Plan:
    """Return the plan of a run of `prepared` cases; `cases` are all of its cases where some are refused."""
    ready = tuple(prepared)
    return Plan(
        suite="own",
        target=Target("x86-64", "PC", "generic"),
        profile=profile("quick"),
        out=out,
        cases=tuple(cases) or tuple(one.case for one in ready),
        prepared=ready,
        **more,
    )
