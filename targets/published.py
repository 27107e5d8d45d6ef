"""Latencies that other projects have published for boards of this project.

`published_reference.csv` holds one figure per line. They come from the projects' own result files and read-mes, which
its column `source` names: MLPerf submissions, benchmark tables of ncnn and XNNPACK, reference files of
google-coral/edgetpu. Nets, settings and boards have the names of this project. Where a source gives several statistics
of one measurement, the median is used, else the mean.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from harness.diagnosis.plausibility import PublishedLatency

FILE = Path(__file__).parent / "published_reference.csv"


@cache
def load() -> tuple[PublishedLatency, ...]:
    """Return every published latency."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return tuple(_parse(row) for row in csv.DictReader(lines))


def lookup(model: str, compression: str, board: str) -> list[PublishedLatency]:
    """Return the published latencies of a case; empty where there is none.

    Args:
        model: Name of the net.
        compression: Name of the compression setting.
        board: Name of a board, or 'host+accelerator', which finds the figures of either.
    """
    boards = board.split("+")
    return [
        latency
        for latency in load()
        if (latency.model, latency.compression) == (model, compression) and latency.board in boards
    ]


def _parse(row: dict[str, str]) -> PublishedLatency:
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
