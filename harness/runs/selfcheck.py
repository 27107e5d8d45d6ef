"""`edgebench selfcheck`: check the harness itself with this machine's sensors and a shipped model as the load.

Versions of the JSON document:
    1   first version
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.core.errors import EdgebenchError, UsageError
from harness.core.files import cache_dir
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, utc_now
from harness.core.scratch import scratch_folder
from harness.host.checks import inspect_all
from harness.host.identity import identity
from harness.host.resource_limits import ResourceLimits
from harness.measure.selfcheck.checks import Check, Workload, checks
from harness.measure.selfcheck.perturbation import FEWEST_PAIRS
from harness.sensors.registry import open_sensors
from reports.numbers import counted
from suites.artifacts import catalog

from .plan import find_target
from .session import versions
from .variants import VariantResolver

SCHEMA = 1
PAIRS = 200
"""Pairs of blocks, which take 20 seconds."""


def default_out() -> Path:
    """Return the file that holds the last result on this machine."""
    return cache_dir() / "selfcheck.json"


def selfcheck(pairs: int) -> Iterator[Check]:
    """Yield every check as soon as its result is known.

    Args:
        pairs: Pairs of blocks, one with and one without the sampler, in which a shipped model runs.

    Raises:
        UsageError: Too few pairs for an interval.
    """
    if pairs < FEWEST_PAIRS:
        raise UsageError(
            f"{counted(pairs, 'pair')} cannot give an interval", f"give at least {FEWEST_PAIRS}, better {PAIRS}"
        )
    workload = _workload(pairs)
    fs = HostFs()
    sensors = open_sensors(fs)
    try:
        with scratch_folder() as scratch:
            yield from checks(workload, sensors, scratch, platform.machine())
    finally:
        for sensor in sensors:
            sensor.close()


def _workload(pairs: int) -> Workload | Missing:
    """Return the first shipped trained model in fp32, on the first runtime that is installed."""
    try:
        model = catalog.models()[0]
        return Workload(
            VariantResolver(ResourceLimits.on(find_target("auto", HostFs()))).resolve(model).prepared, pairs
        )
    except EdgebenchError as error:
        return Missing(error.message)


def document(results: Iterable[Check]) -> dict[str, Any]:
    """Return the checks, each with its `status`, and the machine and its state, as plain JSON types."""
    fs = HostFs()
    return {
        "schema": SCHEMA,
        "kind": "edgebench-selfcheck",
        "ended_utc": utc_now(),
        "checks": [{**dataclasses.asdict(check), "status": check.status} for check in results],
        "machine_now": [dataclasses.asdict(finding) for finding in inspect_all(fs, find_target("auto", fs))],
        "host": dataclasses.asdict(identity(fs)),
        "versions": versions(),
    }
