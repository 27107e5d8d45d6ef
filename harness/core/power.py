"""How a board's power is had: the table [power] of its descriptor."""

from __future__ import annotations

from dataclasses import dataclass

from .sensing import Scope


@dataclass(frozen=True)
class PowerTotal:
    """One way to the power of everything within `scope`: the sum over `channels`, then `scale` x sum + `offset_w`.

    `channels` are patterns of channel names ('ina3221/*/VDD_IN'); each must match, those in `optional` may.
    Only channels in W, or counters in J, count. `estimate` tells where a scale comes from: then the figure is an
    estimate and the raw sum is reported beside it.
    """

    scope: Scope
    channels: tuple[str, ...]
    optional: tuple[str, ...] = ()
    scale: float = 1.0
    offset_w: float = 0.0
    estimate: str = ""


@dataclass(frozen=True)
class PowerMode:
    """A named power budget of the board (nvpmodel, cTDP)."""

    name: str
    budget_w: float | None = None


@dataclass(frozen=True)
class Power:
    """How power is had: the first rule of `total` whose channels exist is used; `none` says why a board has none.

    `meter` names the sensor plug-in of an external meter, for boards without a sensor of their own: it is opened for
    this target alone.
    """

    total: tuple[PowerTotal, ...] = ()
    none: str = ""
    meter: str = ""
    modes: tuple[PowerMode, ...] = ()
