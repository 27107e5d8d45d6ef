"""Published latencies, and how far from them a figure of one's own may be.

Published figures for one net on one board differ some six times between runtimes and years, so only the same runtime
(same major version) on the same board makes a narrow band; everything else is a test for mistakes of a unit, a wrong
net or the wrong processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SAME_RUNTIME = 1.3
"""google-coral/edgetpu compares its own runs with its reference files at +-30 %."""
ANY_RUNTIME = 3.0


@dataclass(frozen=True)
class PublishedLatency:
    """One published latency. `threads` is None and `version` '' where the source names none."""

    model: str
    compression: str
    runtime: str
    version: str
    board: str
    threads: int | None
    metric: str
    latency_ns: int
    source: str


@dataclass(frozen=True)
class PlausibleRange:
    """What published figures allow: `lo_ns` to `hi_ns`, from `references`, all of them of the `same_runtime` or not."""

    lo_ns: float
    hi_ns: float
    same_runtime: bool
    references: tuple[PublishedLatency, ...]


def plausible_range(
    references: Sequence[PublishedLatency], runtime: str, version: str, threads: int
) -> PlausibleRange | None:
    """Return the plausible range for a figure of this runtime, None without a reference for that number of threads.

    `references` are those of the model, setting and board; an Edge TPU's say nothing of its host's processor, nor the
    other way round. Where the same runtime is among them, nothing else counts.
    """
    comparable = [each for each in references if ("edgetpu" in each.runtime) is ("edgetpu" in runtime)]
    fitting = [each for each in comparable if each.threads in (threads, None)]
    same = [each for each in fitting if each.runtime == runtime and major(each.version) == major(version)]
    chosen, factor = (same, SAME_RUNTIME) if same else (fitting, ANY_RUNTIME)
    if not chosen:
        return None
    values = [each.latency_ns for each in chosen]
    return PlausibleRange(min(values) / factor, max(values) * factor, bool(same), tuple(chosen))


def major(version: str) -> str:
    """Return the first number of a version: '2' of '2.3.0'."""
    return version.partition(".")[0]
