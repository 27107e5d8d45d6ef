"""Shared by the benchmarks run by hand: rounds in random order, and their table, printed and kept."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import utc_now
from harness.host.identity import identity
from harness.runs.session import versions

Contender = Callable[[], float]
"""Runs one fresh process; its median nanoseconds."""


def measure(contenders: Mapping[str, Contender], rounds: int, seed: int) -> dict[str, list[float]]:
    """Every contender once a round, in an order drawn anew; medians in nanoseconds by name."""
    rng = random.Random(seed)
    medians: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name in rng.sample(list(contenders), len(contenders)):
            medians[name].append(contenders[name]())
    return medians


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """This process on `cpus` alone (empty: anywhere), and with it what it starts meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def warn_if_busy() -> None:
    """Say that the figures do not count where something else runs."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.2f}: something else is running, these figures do not count\n")


def keep(out: Path | None, name: str, head: Sequence[str], rows: Sequence[Sequence[str]], **more: Any) -> None:
    """Print the table; with `out` also write it there."""
    print_table(head, rows)
    if out is not None:
        write(out, name, head, rows, **more)


def write(out: Path, name: str, head: Sequence[str], rows: Sequence[Sequence[str]], **more: Any) -> None:
    """The table as JSON, beside the machine, the versions and the load."""
    document = {
        "benchmark": name,
        "ended_utc": utc_now(),
        **more,
        "rows": [dict(zip(head, row, strict=True)) for row in rows],
        "load_average": os.getloadavg()[0],
        "host": dataclasses.asdict(identity(HostFs())),
        "versions": versions(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
