"""The commands that repeat what a night found, with every option of the night that matters to it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.case import Case
from harness.core.secrets import masked_words

PAIRED = frozenset({"latency_p50_ns", "latency_p90_ns", "throughput_per_s"})
"""Metrics whose comparison `edgebench ab` repeats: it compares times."""


@dataclass(frozen=True)
class Request:
    """What the night was asked for.

    Attributes:
        run: The command that measures all its cases again.
        ab: Options of `edgebench ab` that measure as the night did; None where it lacks one.
    """

    run: Sequence[str] = ("edgebench", "run")
    ab: Sequence[str] | None = ()

    def measure(self, case_id: str) -> str:
        """Return the command that measures a case again."""
        return shlex.join([*masked_words(self.run), "-k", case_id])

    def compare(self, case: Case, metric: str, old: Path | None, new: Path) -> str:
        """Return the command that compares the files `old` and `new` of a case, or measures the case again."""
        paired = case.scenario == "SingleStream" and case.batch == 1 and metric in PAIRED
        if old is None or self.ab is None or not paired:
            return self.measure(case.id)
        how = ["--runtime-a", case.runtime, "--runtime-b", case.runtime, "--threads", str(case.threads)]
        return shlex.join(["edgebench", "ab", str(old), str(new), *how, *masked_words(self.ab)])
