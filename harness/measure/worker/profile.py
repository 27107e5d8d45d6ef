"""The profile phase of a worker: a few inferences with the runtime's own profiler."""

from __future__ import annotations

import time
from dataclasses import asdict

from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.measure.protocol import Job
from harness.runtimes.base import Session

from .inputs import load_inputs
from .setup import Outcome

_FEW, _MANY = 6, 40
_WANTED_NS = 500_000_000


def profile(session: Session, job: Job) -> Outcome:
    """Return the operators, or why there are none."""
    session.prepare(load_inputs(session, job)[0])
    return {"operators": asdict(profile_operators(session))}, {}


def profile_operators(session: Session) -> OperatorProfile | Missing:
    """Profile half a second's worth of inferences on what was prepared, 6 to 40 of them."""
    session.infer()
    before = time.perf_counter_ns()
    session.infer()
    once_ns = time.perf_counter_ns() - before
    return session.profile(max(_FEW, min(_MANY, _WANTED_NS // max(once_ns, 1))))
