"""Simulated nights: process medians of many series under five families of noise.

    heavy     a night is off by s (.5 Z + .5 (e^Z' - 1))
    ar1       nights hang together, rho .7, standard deviation s
    bimodal   each process is slow with probability .3, by 3-8 % (the same for all of a series)
    outliers  2 % of sessions are 10-50 % slower
    drift     a sine of 1.5 % over 120 nights, and up to 2 % a year

s is log-uniform in .3-2 %; the last three families have Gaussian nights of standard deviation s besides. A night is
5 processes of 10 inferences; processes scatter by .7 s, inferences by s. What ar1 and drift do to a night it
does to every session of that night; the rest is drawn anew with each session.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FAMILIES = ("heavy", "ar1", "bimodal", "outliers", "drift")
PROCESSES, INFERENCES = 5, 10
BASE_S = 0.0121


@dataclass(frozen=True)
class Nights:
    """`count` series a family; all of `lasting` (series, nights) is shared by the sessions of a night."""

    rng: np.random.Generator
    family: npt.NDArray[np.int64]
    s: Array
    slow_mode: Array
    lasting: Array

    @classmethod
    def draw(cls, seed: int, count: int, nights: int) -> Nights:
        """Draw `count` series of each family."""
        rng = np.random.default_rng(seed)
        n = count * len(FAMILIES)
        family = np.repeat(np.arange(len(FAMILIES)), count)
        s = np.exp(rng.uniform(np.log(0.003), np.log(0.02), n))
        lasting = np.zeros((n, nights))
        rows = family == FAMILIES.index("ar1")
        lasting[rows] = s[rows, None] * _ar1(rng, count, nights)
        rows, t = family == FAMILIES.index("drift"), np.arange(nights)
        wave = 0.015 * np.sin(2 * np.pi * (t / 120 + rng.random((count, 1))))
        lasting[rows] = wave + rng.uniform(-0.02, 0.02, (count, 1)) * t / 365
        slow = np.where(family == FAMILIES.index("bimodal"), np.log1p(rng.uniform(0.03, 0.08, n)), 0.0)
        return cls(rng, family, s, slow, lasting)

    def session(self, rows: npt.NDArray[np.int64], night: int, step: Array | float = 0.0) -> Array:
        """Return process medians (rows, processes) in seconds of one session; `step`: log change of the build."""
        level = self.lasting[rows, night] + self._disturbance(rows) + step
        return BASE_S * np.exp(level[:, None] + self._processes(rows, PROCESSES))

    def pairs(self, row: int, night: int, count: int, step: float) -> tuple[Array, Array]:
        """Return (a, b) process medians of `count` A/B pairs in one session; b holds the `step`."""
        rows = np.array([row])
        level = self.lasting[row, night] + float(self._disturbance(rows)[0])
        a, b = (self._processes(rows, count)[0] for _ in range(2))
        return BASE_S * np.exp(level + a), BASE_S * np.exp(level + step + b)

    def _disturbance(self, rows: npt.NDArray[np.int64]) -> Array:
        z, family = self.rng.normal(size=rows.size), self.family[rows]
        heavy = 0.5 * z + 0.5 * (np.exp(self.rng.normal(size=rows.size)) - 1.0)
        usual = np.where(family == FAMILIES.index("ar1"), 0.0, z)
        struck = (family == FAMILIES.index("outliers")) & (self.rng.random(rows.size) < 0.02)
        jump = np.where(struck, np.log1p(self.rng.uniform(0.1, 0.5, rows.size)), 0.0)
        return self.s[rows] * np.where(family == FAMILIES.index("heavy"), heavy, usual) + jump

    def _processes(self, rows: npt.NDArray[np.int64], count: int) -> Array:
        shape = (rows.size, count)
        inferences = np.median(self.rng.normal(size=(*shape, INFERENCES)), axis=-1)
        own = self.s[rows, None] * (0.7 * self.rng.normal(size=shape) + inferences)
        return own + self.slow_mode[rows, None] * (self.rng.random(shape) < 0.3)


def _ar1(rng: np.random.Generator, rows: int, nights: int, rho: float = 0.7) -> Array:
    shocks = rng.normal(size=(rows, nights)) * np.sqrt(1 - rho**2)
    x = np.empty((rows, nights))
    x[:, 0] = rng.normal(size=rows)
    for t in range(1, nights):
        x[:, t] = rho * x[:, t - 1] + shocks[:, t]
    return x
