"""The phases of a worker that look at the model and time nothing: inspect, probe and profile."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
from harness.measure.protocol import Job
from harness.runtimes.base import Outputs, Session
from harness.runtimes.outputs import is_numeric

from .inputs import load_inputs, probe_inputs
from .setup import Outcome

if TYPE_CHECKING:
    from harness.runtimes.graph_counts import Counts


def inspect(session: Session, job: Job) -> Outcome:
    """Return the shapes of the outputs that hold numbers; those of the inputs are in every result."""
    session.prepare(load_inputs(session, job)[0])
    session.infer()
    numeric = {name: array for name, array in session.fetch().items() if is_numeric(array)}
    return {"outputs": {name: list(array.shape) for name, array in numeric.items()}}, {}


def probe(session: Session, job: Job) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Infer every input from the initial state; return the outputs, what the session ran, and its counts."""
    rows = []
    for batch in probe_inputs(session, job):
        session.reset_state()
        session.prepare(batch)
        session.infer()
        rows.append(_row(session.fetch()))
    try:
        ran = session.execution().with_findings(*session.findings())
    except Exception as error:  # private interfaces of libraries: a newer version may have others
        ran = Execution(effective=Missing(f"not told: {type(error).__name__}: {error}"))
    return {"execution": dataclasses.asdict(ran), "counts": dataclasses.asdict(_counts(session))}, {
        "outputs": _stacked(rows)
    }


def _row(outputs: Outputs) -> NDArray[np.float32]:
    """Return all numeric outputs one behind the other; strings have no distance from each other."""
    numeric = [np.ravel(each).astype(np.float32) for each in outputs.values() if is_numeric(each)]
    return np.concatenate(numeric) if numeric else np.empty(0, np.float32)


def _stacked(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return inputs x outputs; one row of all outputs where their number depends on the input."""
    alike = len({len(row) for row in rows}) == 1
    return np.stack(rows) if alike else np.concatenate(rows)[np.newaxis]


def _counts(session: Session) -> Counts | Missing:
    try:
        return session.counts()
    except Exception as error:  # as above
        return Missing(f"not counted: {type(error).__name__}: {error}")


_FEW, _MANY = 6, 40
_WANTED_NS = 500_000_000


def split_outputs(session: Session) -> OperatorProfile | Missing:
    """Profile half a second's worth of inferences on what was prepared, 6 to 40 of them."""
    session.infer()
    before = time.perf_counter_ns()
    session.infer()
    once_ns = time.perf_counter_ns() - before
    return session.profile(max(_FEW, min(_MANY, _WANTED_NS // max(once_ns, 1))))


def profile(session: Session, job: Job) -> Outcome:
    """Return the operators, or why there are none."""
    session.prepare(load_inputs(session, job)[0])
    return {"operators": asdict(split_outputs(session))}, {}
