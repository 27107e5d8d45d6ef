"""Scenarios: how queries arrive. The first four are those of MLPerf.

    SingleStream   the next query when the last one is complete: latency
    MultiStream    several samples per query: latency of the query
    Offline        all samples are available at the start, in one or several streams: throughput
    Server         queries arrive at random (Poisson) at a mean rate: latency from arrival to answer, within a bound
    sustained      SingleStream for minutes: the speed that remains once the machine is hot
    paced          one inference every 1/rate seconds, idle between: duty cycle of a camera or battery device

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
"""What sends the queries: the timed loop of this project, or MLPerf's LoadGen."""

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
"""Parameters of each scenario with their defaults; 8 samples per query as in MLPerf's MultiStream."""


@dataclass(frozen=True)
class Load:
    """The parameters of a scenario; None for those that it does not have.

    Attributes:
        samples_per_query: Samples per query of MultiStream.
        streams: Concurrent sessions of Offline, each with its own thread.
        rate_per_s: Mean arrivals per second of Server, inferences per second of paced.
        latency_bound_ns: Bound on the p99 latency of Server, None without one.
        minutes: Duration of sustained.

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
        return {name: value for name in LOAD_PARAMETERS if (value := getattr(self, name)) is not None}

    def with_defaults(self, scenario: Scenario) -> Load:
        """Fill in the scenario's defaults; ScenarioError for a parameter that it lacks or does not accept."""
        defaults = _DEFAULTS[scenario]
        for name in self.parameters:
            if name not in defaults:
                fitting = ", ".join(other for other, names in _DEFAULTS.items() if name in names)
                raise ScenarioError(
                    f"{scenario} does not accept {name}", f"it belongs to {fitting}: choose that scenario"
                )
        if "rate_per_s" in defaults and self.rate_per_s is None:
            raise ScenarioError(f"{scenario} needs rate_per_s", "give the rate: --rate 30, in a suite rate_per_s = 30")
        return dataclasses.replace(self, **{**defaults, **self.parameters})  # type: ignore[arg-type]

    def label(self, scenario: Scenario) -> str:
        """Return the parameters that differ from the defaults, for an id: 's2', 'r50-20ms'; '' if none does."""
        forms = {"samples_per_query": "q{:g}", "streams": "s{:g}", "rate_per_s": "r{:g}", "minutes": "{:g}min"}
        parts = [
            forms[name].format(value)
            for name, value in self.parameters.items()
            if name in forms and value != _DEFAULTS[scenario].get(name)
        ]
        bound = [f"{self.latency_bound_ns / 1e6:g}ms"] if self.latency_bound_ns is not None else []
        return "-".join([*parts, *bound])


LOAD_PARAMETERS = tuple(field.name for field in dataclasses.fields(Load))
