"""What a machine can do at most: arithmetic and memory traffic in a second, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Roof:
    """Peaks with a number of threads: fp32 operations (a multiply-add counts as two) and bytes from and to memory."""

    threads: int
    flops_per_s: float
    bytes_per_s: float


@dataclass(frozen=True)
class Roofline:
    """The peaks of one machine, for one thread and for all, and its last-level cache (None: the kernel does not tell).

    `blas` names the library whose matrix product set the arithmetic peak.
    """

    machine_id: str
    measured_utc: str
    blas: str
    cache_bytes: int | None
    roofs: tuple[Roof, ...]

    def at(self, threads: int) -> Roof:
        """The peaks with that many threads: the measured ones, else as many single threads, up to all together."""
        for roof in self.roofs:
            if roof.threads == threads:
                return roof
        one, most = self.roofs[0], self.roofs[-1]
        return Roof(
            threads,
            min(one.flops_per_s * threads, most.flops_per_s),
            min(one.bytes_per_s * threads, most.bytes_per_s),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Roofline:
        """From plain JSON types. TypeError or KeyError where it is not one."""
        return cls(**{**data, "roofs": tuple(Roof(**roof) for roof in data["roofs"])})
