"""What a run is told beside its cases: where, how long, with which seed, what to turn and what to refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.core.target import Target
from harness.measure.presets import Profile
from harness.stats import Definition


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """How a run is done, whatever it measures: the seed of every random choice, the `command` as typed, and so on.

    `resume` goes on with the run that is in its folder already. `tune` turns the knobs that make the machine steadier,
    and back at the end; `strict` refuses to measure when a check fails. `power_supply` and `ambient_c` (degrees
    Celsius) are what the user tells of them. With `accuracy_margin`, a share of the images, a case is scored only until
    it is decided how it compares with fp32. `fs` is the machine: this one, or a recorded tree.
    """

    seed: int = 0
    command: Sequence[str] = ()
    percentiles: Definition = "numpy"
    accuracy_margin: float | None = None
    resume: bool = False
    tune: bool = False
    strict: bool = False
    power_supply: str | None = None
    ambient_c: float | None = None
    fs: HostFs = field(default_factory=HostFs)


@dataclass(frozen=True, kw_only=True)
class Order(Conduct):
    """A run as it will be done: the suite's name, the board, how long, and the folder it goes to."""

    suite: str
    target: Target
    profile: Profile
    out: Path

    @property
    def target_name(self) -> str:
        """What records carry: a recorded board's figures must not pass for the board's own, inference ran here."""
        return self.target.name if self.fs.live else f"{self.target.name} (recorded)"
