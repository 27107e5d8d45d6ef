"""The time limit of a worker: its loops end before the parent ends the process, so that what was measured is kept."""

from __future__ import annotations

import time
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
    """When the last inference has to be complete, on the monotonic clock; `limit_s` is that of the whole process."""

    end_ns: int = NEVER
    limit_s: float = 0.0

    @property
    def left_ns(self) -> int:
        """Nanoseconds that are left, never below 0."""
        return max(0, self.end_ns - time.perf_counter_ns())

    def less(self, ns: int) -> TimeLimit:
        """Return the limit that leaves so much time behind it."""
        return self._replace(end_ns=self.end_ns - ns)

    def part(self, share: float, own_ns: int = 0) -> int:
        """Return when `own_ns` and a share of what is left besides have passed."""
        own_ns = min(own_ns, self.left_ns)
        return time.perf_counter_ns() + own_ns + int((self.left_ns - own_ns) * share)

    def require(self, first_ns: int, job: Job) -> None:
        """Raise OutOfTime where no query can be measured after a first inference that took so long."""
        if self.left_ns >= (1 + job.query) * first_ns:
            return
        started_s = (time.perf_counter_ns() - job.spawned_ns - first_ns) / 1e9
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
