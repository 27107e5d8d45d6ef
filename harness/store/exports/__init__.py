"""Runs in the formats of other tools, one module each, with a function `render`.

csv, parquet       a table, one row a case                    gha         github-action-benchmark
pytest-benchmark   its JSON, with every raw sample            prometheus  text file for node_exporter
bmf                Bencher Metric Format                      junit       XML for any CI
markdown           for a CI step's summary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from harness.core.errors import NothingMeasured, UnknownName, UsageError
from harness.core.record import Record, RunHeader

ExportFormat = Literal["csv", "parquet", "pytest-benchmark", "bmf", "gha", "prometheus", "junit", "markdown"]
FORMATS: tuple[str, ...] = get_args(ExportFormat)
TABLES = frozenset({"csv", "parquet"})
"""The formats that may hold several runs."""


@dataclass(frozen=True)
class Exported:
    """A run to be written. `samples` gives a record's latencies in integer nanoseconds; empty where none were kept.

    `better` chooses the metrics of formats that hold those of one direction alone.
    """

    header: RunHeader
    records: Sequence[Record]
    samples: Callable[[Record], npt.NDArray[np.int64]]
    better: Literal["lower", "higher"] = "lower"


def export(runs: Sequence[Exported], format: str) -> bytes:  # noqa: A002 - the command's own word
    """The runs as the contents of a file in that format.

    UnknownName for a format there is none of; UsageError for several runs where one is expected; NothingMeasured when
    no case has a figure that the format could hold.
    """
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    if format not in TABLES and len(runs) != 1:
        raise UsageError(f"{format} holds one run, not {len(runs)}", "export one after another, or choose one by --run")
    if not any(
        record.value("n_inferences") is not None or _has_latency(record) for run in runs for record in run.records
    ):
        raise NothingMeasured("no case of the run has figures", "edgebench table RUN tells why")
    module = import_module(f".{'table' if format in TABLES else format.replace('-', '_')}", __name__)
    made: bytes = module.render(runs, format) if format in TABLES else module.render(runs[0]).encode()
    return made


def _has_latency(record: Record) -> bool:
    return record.value("latency_p50_ns") is not None
