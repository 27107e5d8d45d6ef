"""Latencies that others have published for boards this project knows: `published_reference.csv`, one a line.

Taken from projects' own result files and read-mes, named in `source`: MLPerf submissions, benchmark tables of ncnn and
XNNPACK, reference files of google-coral/edgetpu. Nets, settings and boards carry this project's names. Where a source
gives several statistics of one measurement, the median is kept, else the mean.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from harness.diagnosis.plausibility import PublishedLatency

FILE = Path(__file__).parent / "published_reference.csv"


@cache
def load() -> tuple[PublishedLatency, ...]:
    """All of them."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return tuple(_published(row) for row in csv.DictReader(lines))


def lookup(model: str, compression: str, board: str) -> list[PublishedLatency]:
    """Those of a net under a setting on a board, or a part of 'host+accelerator'; empty where nobody published one."""
    parts = board.split("+")
    return [each for each in load() if (each.model, each.compression) == (model, compression) and each.board in parts]


def _published(row: dict[str, str]) -> PublishedLatency:
    return PublishedLatency(
        model=row["model"],
        compression=row["compression"],
        runtime=row["runtime"],
        version=row["version"],
        board=row["board"],
        threads=int(row["threads"]) if row["threads"] else None,
        metric=row["metric"],
        latency_ns=int(row["latency_ns"]),
        source=f"{row['source']}, {row['date']}" if row["date"] else row["source"],
    )
