"""How the queries of each scenario reach the session: one small function per scenario, each returning `Samples`.

Every one drives the same timed loop. What differs is what stands between the loop and the session: who waits for
what before the clock starts, and how many inferences a query has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from harness.core.scenario import Driver, Load, Scenario
from harness.measure.worker.loop import Clock, DrivenSession, LoopPlan, Samples
from harness.runtimes.base import Batch

__all__ = ["ScenarioContext", "drive"]


class ScenarioContext(NamedTuple):
    """What a scenario has at hand: a warm `session`, `another` like it, the case's load and batch, and the time."""

    session: DrivenSession
    another: Callable[[], DrivenSession]
    load: Load = Load()
    batch: int = 1
    seed: int = 0
    now: Clock = time.perf_counter_ns
    sleep: Callable[[float], None] = time.sleep

    def wait_until(self, due_ns: int) -> None:
        """Sleep until then; never spin, since that would burn what a waiting device saves."""
        while (left_ns := due_ns - self.now()) > 0:
            self.sleep(left_ns / 1e9)


_DRIVES: dict[tuple[Driver, Scenario], tuple[str, str]] = {
    ("own", "SingleStream"): ("back_to_back", "single_stream"),
    ("own", "MultiStream"): ("back_to_back", "multi_stream"),
    ("own", "sustained"): ("back_to_back", "sustained"),
    ("own", "Offline"): ("offline", "offline"),
    ("own", "Server"): ("arrivals", "server"),
    ("own", "paced"): ("arrivals", "paced"),
    ("loadgen", "SingleStream"): ("loadgen", "single_stream"),
    ("loadgen", "Offline"): ("loadgen", "offline"),
}


def drive(
    driver: Driver, scenario: Scenario, stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan
) -> Samples:
    """Send queries as the scenario does, as long as `plan` says, inputs taken in rotation.

    A scenario is imported when it is driven: the measured child carries what it runs and no more.
    """
    module, function = _DRIVES[driver, scenario]
    samples: Samples = getattr(import_module(f".{module}", __package__), function)(stage, batches, plan)
    return samples
