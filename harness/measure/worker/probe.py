"""The phases of a worker that look at the model and time nothing: probe and profile."""

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
from harness.runtimes.outputs import is_numeric, per_sample

from .inputs import load_inputs, probe_inputs
from .setup import Outcome

if TYPE_CHECKING:
    from harness.runtimes.graph_counts import Counts


def probe(session: Session, job: Job) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Infer every input from the initial state; return the outputs, what the session ran, and its counts."""
    rows: list[NDArray[np.float32]] = []
    for batch, samples in probe_inputs(session, job):
        session.reset_state()
        session.prepare(batch)
        session.infer()
        rows.extend(_rows(session.fetch(), job.options.batch)[:samples])
    try:
        ran = session.execution().with_findings(*session.findings())
    except Exception as error:  # private interfaces of libraries: a newer version may have others
        ran = Execution(effective=Missing(f"not told: {type(error).__name__}: {error}"))
    return {"execution": dataclasses.asdict(ran), "counts": dataclasses.asdict(_counts(session, job))}, {
        "outputs": _stacked(rows)
    }


def _rows(outputs: Outputs, batch: int) -> NDArray[np.float32]:
    """Return samples x values, all numeric outputs one behind the other; strings have no distance from each other."""
    numeric = [per_sample(each, batch) for each in outputs.values() if is_numeric(each)]
    return np.concatenate(numeric, axis=1) if numeric else np.empty((batch, 0), np.float32)


def _stacked(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return inputs x outputs; one row of all outputs where their number depends on the input."""
    alike = len({len(row) for row in rows}) == 1
    return np.stack(rows) if alike else np.concatenate(rows)[np.newaxis]


def _counts(session: Session, job: Job) -> Counts | Missing:
    """Return parameters and the MACs of one sample; a file that fixes a batch tells those of all its samples."""
    try:
        counts = session.counts()
        batch = job.options.batch
        return counts if isinstance(counts, Missing) else dataclasses.replace(counts, macs=counts.macs // batch)
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
