"""How long a case is measured: the profiles."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import UnknownName

from .job import Loop

_MS = 1_000_000


@dataclass(frozen=True)
class Profile:
    """`processes` fresh processes of `loop` each; the verdict asks for an interval within `half_width` (relative).

    `energy_ns` is the least time under the power sensor, where there is one.
    """

    name: str
    processes: int
    loop: Loop
    half_width: float
    energy_ns: int


_ALL = (
    Profile("smoke", 1, Loop(warmup_n=2, warmup_ns=0, min_n=5, min_ns=0), 1.0, 1000 * _MS),
    Profile("quick", 3, Loop(warmup_n=5, warmup_ns=80 * _MS, min_n=20, min_ns=250 * _MS), 0.05, 1200 * _MS),
    Profile("standard", 5, Loop(warmup_n=10, warmup_ns=500 * _MS, min_n=100, min_ns=2000 * _MS), 0.02, 10_000 * _MS),
    Profile("full", 10, Loop(warmup_n=20, warmup_ns=1000 * _MS, min_n=200, min_ns=5000 * _MS), 0.01, 30_000 * _MS),
)
PROFILES = {profile.name: profile for profile in _ALL}


def profile(name: str) -> Profile:
    """The profile called `name`; raises UnknownName."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownName("profile", name, PROFILES) from None
