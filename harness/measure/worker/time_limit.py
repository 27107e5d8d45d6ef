"""The time limit of a worker: its loops end before the parent ends the process, so that what was measured is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from harness.measure.protocol import Job

from .loop import NEVER

KEPT = 0.9
"""Share of the limit in which inferences may end, besides the scenario's own time; the rest is for what follows."""


class OutOfTime(Exception):
    """The time limit leaves no time for a figure."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class TimeLimit(NamedTuple):
    """When the last inference has to be complete, on the clock `now`; `limit_s` is the whole limit of the process."""

    end_ns: int = NEVER
    limit_s: float = 0.0
    now: Callable[[], int] = time.perf_counter_ns

    @property
    def left_ns(self) -> int:
        """Nanoseconds that are left, never below 0."""
        return max(0, self.end_ns - self.now())

    def part(self, share: float, own_ns: int = 0) -> int:
        """Return when `own_ns` and a share of what is left besides have passed."""
        own_ns = min(own_ns, self.left_ns)
        return self.now() + own_ns + int((self.left_ns - own_ns) * share)

    def require(self, first_ns: int, job: Job) -> None:
        """Raise OutOfTime where nothing can be measured after a first inference that took so long."""
        if self.left_ns >= 2 * first_ns:
            return
        started_s = (self.now() - job.spawned_ns - first_ns) / 1e9
        message = (
            f"one inference takes {first_ns / 1e9:.3g} s: after the first one, the limit of {self.limit_s:g} s leaves "
            "no time for others"
        )
        fewest = job.needed_s(started_s, first_ns / 1e9, fewest=True)
        remedy = f"--timeout {fewest} for a first figure, {job.needed_s(started_s, first_ns / 1e9)} for all inferences"
        raise OutOfTime(message, remedy)


def time_limit(job: Job) -> TimeLimit:
    """Return the limit of a job; none where the parent sets none."""
    if not job.deadline_ns:
        return TimeLimit()
    limit_ns, own_ns = job.deadline_ns - job.spawned_ns, int(job.own_time_s * 1e9)
    return TimeLimit(job.spawned_ns + own_ns + int(KEPT * (limit_ns - own_ns)), limit_ns / 1e9)
