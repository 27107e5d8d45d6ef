"""Measured peaks of a machine: arithmetic and memory traffic per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Roof:
    """Peaks with a number of threads.

    Attributes:
        threads: Number of threads.
        flops_per_s: fp32 operations per second; a multiply-add counts as two.
        bytes_per_s: Bytes per second from and to memory.

    """

    threads: int
    flops_per_s: float
    bytes_per_s: float


@dataclass(frozen=True)
class Roofline:
    """The peaks of one machine.

    Attributes:
        machine_id: Id of the machine.
        measured_utc: When they were measured.
        blas: Library whose matrix product reached the arithmetic peak.
        cache_bytes: Size of the last-level cache, None if the kernel does not report it.
        roofs: Peaks with one thread and with all threads.

    """

    machine_id: str
    measured_utc: str
    blas: str
    cache_bytes: int | None
    roofs: tuple[Roof, ...]

    def at(self, threads: int) -> Roof:
        """Return the peaks with that many threads: measured, else a multiple of one thread, at most those of all."""
        for roof in self.roofs:
            if roof.threads == threads:
                return roof
        single, full = self.roofs[0], self.roofs[-1]
        return Roof(
            threads,
            min(single.flops_per_s * threads, full.flops_per_s),
            min(single.bytes_per_s * threads, full.bytes_per_s),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Roofline:
        """Create from plain JSON types; TypeError or KeyError if they do not fit."""
        return cls(**{**data, "roofs": tuple(Roof(**roof) for roof in data["roofs"])})
