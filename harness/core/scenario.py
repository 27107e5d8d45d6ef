"""Scenarios: in which rhythm queries reach the net. The first four are MLPerf's, under MLPerf's names.

    SingleStream   the next query when the last one is complete: latency
    MultiStream    a query brings several samples: latency of the whole query
    Offline        everything is there from the start, in one or several streams: throughput
    Server         queries arrive at random (Poisson) at a mean rate: latency from arrival to answer, within a bound
    sustained      SingleStream for minutes on end: what heat leaves of the speed
    paced          one inference every 1/rate seconds, idle between: duty cycle of a camera or a battery

MLPerf Inference Rules (mlcommons/inference_policies), 'Scenarios'.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from .errors import ScenarioError

Scenario = Literal["SingleStream", "MultiStream", "Offline", "Server", "sustained", "paced"]

Driver = Literal["own", "loadgen"]
"""Who sends the queries: the timed loop here, or MLPerf's official LoadGen."""

LOADGEN_SCENARIOS: tuple[Scenario, ...] = ("SingleStream", "Offline")
"""The scenarios that LoadGen can drive here."""

_DEFAULTS: dict[Scenario, dict[str, int | float | None]] = {
    "SingleStream": {},
    "MultiStream": {"samples_per_query": 8},
    "Offline": {"streams": 1},
    "Server": {"rate_per_s": None, "latency_bound_ns": None},
    "sustained": {"minutes": 5.0},
    "paced": {"rate_per_s": None},
}
"""What each scenario takes, and what it is where nobody says: 8 samples a query as in MLPerf's MultiStream."""


@dataclass(frozen=True)
class Load:
    """The parameters of a scenario; None for those it does not take.

    `samples_per_query` samples in a query of MultiStream; `streams` sessions at once in Offline, each with a thread
    of its own; `rate_per_s` mean arrivals a second in Server, inferences a second in paced; `latency_bound_ns` the
    bound p99 latency bound (Server), None without one; `minutes` how long sustained runs.
    """

    samples_per_query: int | None = None
    streams: int | None = None
    rate_per_s: float | None = None
    latency_bound_ns: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.parameters.items():
            if not (math.isfinite(value) and value > 0):
                raise ScenarioError(f"{name} is {value:g}, expected a number above 0")

    @property
    def parameters(self) -> dict[str, int | float]:
        """The parameters that are not None, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    def with_defaults(self, scenario: Scenario) -> Load:
        """The load with the scenario's defaults; ScenarioError for what it does not take, or lacks."""
        takes = _DEFAULTS[scenario]
        for name in self.parameters:
            if name not in takes:
                fitting = ", ".join(other for other, names in _DEFAULTS.items() if name in names)
                raise ScenarioError(f"{scenario} takes no {name}", f"it belongs to {fitting}: choose that scenario")
        if "rate_per_s" in takes and self.rate_per_s is None:
            raise ScenarioError(f"{scenario} needs rate_per_s", "give the rate: --rate 30, in a suite rate_per_s = 30")
        return dataclasses.replace(self, **{**takes, **self.parameters})  # type: ignore[arg-type]

    def label(self, scenario: Scenario) -> str:
        """The parameters that are not the scenario's default, for an id: 's2', 'r50-20ms'; empty when all are."""
        forms = {"samples_per_query": "q{:g}", "streams": "s{:g}", "rate_per_s": "r{:g}", "minutes": "{:g}min"}
        parts = [
            forms[name].format(value)
            for name, value in self.parameters.items()
            if name in forms and value != _DEFAULTS[scenario].get(name)
        ]
        bound = [f"{self.latency_bound_ns / 1e6:g}ms"] if self.latency_bound_ns is not None else []
        return "-".join([*parts, *bound])


LOAD_PARAMETERS = tuple(field.name for field in dataclasses.fields(Load))
