"""How fast the store is at a million values: `python -m tests.bench.store [--store PATH|URL] [--nights N]`.

80,000 series (4,000 cases x 20 metrics, five processes each) on one machine. Every night but the last is written
straight into the tables; the last one is a run folder that is added as `edgebench run` adds it: every record read and
checked, every raw file hashed and taken in, all rows in one transaction. Figures are the least of several repetitions,
as for any timing on a machine that does other things too; the folder can be added only once.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

import harness.store
from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record, RunHeader
from harness.store.database.store import Store
from harness.store.runfolder import RunFolder
from tests import factory

CASES, MEASURED = 4_000, 20
LIMITS_S = {"history of one series": 0.005, "latest against previous, all series": 1.5, "appending a night": 10.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every figure with its limit, which is one for SQLite; 1 when one is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="an empty store (default: SQLite in a temporary folder)")
    parser.add_argument("--nights", type=int, default=13, help="nights of 80,000 values each (default: 13)")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as scratch,
        harness.store.open(place(options.store, Path(scratch))) as store,
    ):
        figures = measure(store, Path(scratch), options.nights)
    for name, seconds in figures.items():
        print(f"{name:40} {seconds * 1e3:10.1f} ms  (at most {LIMITS_S[name] * 1e3:.0f})")
    return int(any(seconds > LIMITS_S[name] for name, seconds in figures.items()))


def place(store: str | None, scratch: Path) -> str:
    """The store that is meant; raw files of a database that names no folder for them go into `scratch`."""
    if store is None:
        return str(scratch / "store.sqlite")
    return store if "://" not in store or "raw=" in store else f"{store}{'&' if '?' in store else '?'}raw={scratch}/raw"


def measure(store: Store, scratch: Path, nights: int) -> dict[str, float]:
    """Fill the store and time the three things people wait for."""
    folder = RunFolder.create(scratch / "run", header(0))
    records = made_up(folder)
    for night in range(nights - 1):
        store.add(header(night), tonight(records, night), {})
        print(f"\rnight {night + 1} of {nights}", end="\n" if night + 2 == nights else "", file=sys.stderr)
    last = header(nights - 1)
    folder.write_header(last)
    for record in tonight(records, nights - 1):
        folder.record_file(record).write_text(_text(record), encoding="utf-8")
    appending = timed(lambda: store.append(folder), 1)
    one = harness.store.Where(case=records[CASES // 2].case_id, metric="latency_p50_ns")
    history = timed(lambda: store.read(one), 50)
    assert len(store.read(one)) == nights
    latest = timed(store.latest_against_previous, 5)
    assert len(store.latest_against_previous()) == CASES * MEASURED
    return dict(zip(LIMITS_S, (history, latest, appending), strict=True))


def timed(work: Callable[[], object], times: int) -> float:
    """Seconds of the quickest of so many calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def header(night: int) -> RunHeader:
    """The header of a night's run."""
    started = datetime(2026, 1, 1, 22, tzinfo=timezone.utc) + timedelta(days=night)
    return dataclasses.replace(factory.header([]), run_id=f"night-{night}", started_utc=started.isoformat(), planned=())


def made_up(folder: RunFolder) -> list[Record]:
    """4,000 records with 20 values each; one raw file serves all."""
    model = factory.record(folder, factory.nets()[0])
    process = dataclasses.replace(model.processes[0])
    names = list(METRICS)
    return [
        dataclasses.replace(
            model,
            case=(case := Case(f"net{number // 20}", f"setting{number % 20}", "onnxruntime-cpu")),
            case_id=case.id,
            processes=tuple(dataclasses.replace(process, index=index) for index in range(5)),
            traces=(),
            metrics={name: _quantity(name, place) for place, name in enumerate(names)},
        )
        for number in range(CASES)
    ]


def tonight(records: Sequence[Record], night: int) -> list[Record]:
    """The records as measured that night: every value a little off."""
    random = np.random.default_rng(night)
    factors = random.lognormal(0.0, 0.01, len(records))
    return [
        dataclasses.replace(
            record, run_id=f"night-{night}", metrics={name: _scaled(one, by) for name, one in record.metrics.items()}
        )
        for record, by in zip(records, factors.tolist(), strict=True)
    ]


def _quantity(name: str, place: int) -> Quantity:
    return Value(1e6 + place, 0.99e6, 1.01e6, 5) if place < MEASURED else Missing(f"no {name} in this benchmark")


def _scaled(quantity: Quantity, by: float) -> Quantity:
    return Value(quantity.value * by, quantity.lo, quantity.hi, quantity.n) if isinstance(quantity, Value) else quantity


def _text(record: Record) -> str:
    import json

    from harness.core.record import to_json

    return json.dumps(to_json(record))


if __name__ == "__main__":
    sys.exit(main())
