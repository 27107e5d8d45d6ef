"""The profile phase of a worker: a few inferences with the runtime's profiler on."""

from __future__ import annotations

import time
from dataclasses import asdict

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing
from harness.measure.protocol import Job
from harness.runtimes.base import Session

from .feeds import Outcome, feeds

_FEW, _MANY = 6, 40
_WANTED_NS = 500_000_000


def take_apart(session: Session) -> OperatorProfile | Missing:
    """Profile half a second's worth of inferences on what was prepared, 6 to 40 of them."""
    session.infer()
    before = time.perf_counter_ns()
    session.infer()
    once_ns = time.perf_counter_ns() - before
    return session.profile(max(_FEW, min(_MANY, _WANTED_NS // max(once_ns, 1))))


def profile(session: Session, job: Job) -> Outcome:
    """The operators, or why there are none."""
    session.prepare(feeds(session, job)[0])
    return {"operators": asdict(take_apart(session))}, {}
