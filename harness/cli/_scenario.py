"""The arguments that say how queries reach a net: shared by the commands that measure."""

from __future__ import annotations

import argparse
from typing import get_args

from harness.core.scenario import Driver, Load, Scenario

from ._options import positive


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a scenario."""
    group = parser.add_argument_group("scenario", "docs/scenarios.md says what each measures")
    names = get_args(Scenario)
    group.add_argument("--scenario", choices=names, metavar="NAME", help=f"for every case: {', '.join(names)}")
    group.add_argument("--driver", choices=get_args(Driver), help="who sends the queries (loadgen: MLPerf's own)")
    group.add_argument("--batch", type=positive, metavar="N", help="samples an inference instead of the suite's")
    group.add_argument("--samples-per-query", type=positive, metavar="N", help="in MultiStream (default: 8)")
    group.add_argument("--streams", type=positive, metavar="N", help="sessions at once in Offline (default: 1)")
    group.add_argument("--rate", type=float, metavar="N", help="inferences a second in Server and paced")
    group.add_argument("--latency-bound", type=float, metavar="MS", help="that 99 of 100 queries of Server are to keep")
    group.add_argument("--minutes", type=float, metavar="N", help="how long sustained runs (default: 5)")


def load(arguments: argparse.Namespace) -> Load:
    """The scenario's parameters as given. ScenarioError for one that is not above 0."""
    bound_ms = arguments.latency_bound
    return Load(
        samples_per_query=arguments.samples_per_query,
        streams=arguments.streams,
        rate_per_s=arguments.rate,
        latency_bound_ns=None if bound_ms is None else round(bound_ms * 1e6),
        minutes=arguments.minutes,
    )
