"""How long a case is measured: the profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness import stats
from harness.core.case import Case
from harness.core.errors import UnknownName

from .protocol import Loop

SERVER_QUERIES = 1000
"""Queries of Server over all processes: a p99 needs 662 independent ones, and those that queue together are not."""

_MS = 1_000_000
MINUTE_NS = 60_000 * _MS


@dataclass(frozen=True)
class Profile:
    """At least `processes` fresh processes of `loop` each; more, up to `max_processes`, until the interval is narrow.

    `half_width` is the relative half-width of the 95 % interval the verdict asks for; `energy_ns` the least time under
    the power sensor, where there is one. A profile that is not `timed` shows that a case runs, and no latency. `deep`
    adds the passes for operators and memory, `pipeline` the one for whole frames. Where pilots size the processes, each
    is to be worth `n_effective` independent inferences, as far as four times the loop's time allows.
    """

    name: str
    processes: int
    max_processes: int
    loop: Loop
    half_width: float
    energy_ns: int
    timed: bool = True
    deep: bool = True
    pipeline: bool = False
    n_effective: float = 1.0


_ALL = (
    Profile("smoke", 1, 1, Loop(warmup_n=2, warmup_ns=0, min_n=5, min_ns=0), 1.0, 1000 * _MS, timed=False, deep=False),
    Profile(
        "quick", 3, 3, Loop(warmup_n=5, warmup_ns=80 * _MS, min_n=20, min_ns=250 * _MS), 0.05, 1200 * _MS, deep=False
    ),
    Profile("standard", 5, 10, Loop(10, 500 * _MS, 100, 1000 * _MS), 0.02, 10_000 * _MS),
    Profile("full", 5, 20, Loop(20, 1000 * _MS, 200, 2000 * _MS), 0.01, 30_000 * _MS, n_effective=100.0),
)
PROFILES = {profile.name: profile for profile in _ALL}


def profile(name: str, deep: bool | None = None, pipeline: bool = False) -> Profile:
    """Return the profile called `name`, with or without the deep passes where `deep` is given, and the pipeline pass.

    Raises:
        UnknownName: No profile has that name.
    """
    try:
        found = replace(PROFILES[name], pipeline=pipeline)
        return found if deep is None else replace(found, deep=deep)
    except KeyError:
        raise UnknownName("profile", name, PROFILES) from None


def fitted(profile: Profile, case: Case) -> Profile:
    """Return the profile as the case's scenario needs it.

    sustained runs once for its minutes: heat outlives a process, so a second would not start where the first did.
    Server gets the queries that its p99 needs, unless the profile is a single process that proves nothing anyway.
    """
    loop = profile.loop
    if case.load.minutes is not None:
        minutes = replace(loop, min_ns=round(case.load.minutes * MINUTE_NS))
        return replace(profile, processes=1, max_processes=1, loop=minutes)
    if case.scenario == "Server" and profile.processes > 1:
        queries = max(loop.min_n, math.ceil(SERVER_QUERIES / profile.processes))
        return replace(profile, loop=replace(loop, min_n=queries))
    return profile


def level(n: int, profile: Profile) -> float:
    """Return the confidence level of the interval after `n` processes; several planned looks share alpha."""
    sequential = profile.max_processes > profile.processes and n in stats.LOOKS
    return stats.look_level(n) if sequential else 0.95
