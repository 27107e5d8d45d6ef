"""Runs in the formats of other tools: one module per format, which declares it in `PLUGINS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from harness.core import plugins
from harness.core.errors import NothingMeasured, UsageError
from harness.core.record import Record, RunHeader


@dataclass(frozen=True)
class Exported:
    """A run to be exported.

    Attributes:
        header: Header of the run.
        records: Records of the run.
        samples: Return the latencies of a record in integer nanoseconds; empty if none are stored.
        better: Direction of the metrics, for formats that hold those of one direction alone.

    """

    header: RunHeader
    records: Sequence[Record]
    samples: Callable[[Record], npt.NDArray[np.int64]]
    better: Literal["lower", "higher"] = "lower"


@dataclass(frozen=True)
class Export:
    """A format that holds one run.

    Attributes:
        name: Its name for `--format`.
        render: Return the text of a file; it is written as UTF-8.
        suffix: Suffix that its readers require ('.prom'), '' for any.

    """

    name: str
    render: Callable[[Exported], str]
    suffix: str = ""
    several: ClassVar[bool] = False


@dataclass(frozen=True)
class TableExport:
    """A format that holds any number of runs; as `Export`, but for `render`, which returns the bytes of a file."""

    name: str
    render: Callable[[Sequence[Exported]], bytes]
    suffix: str = ""
    several: ClassVar[bool] = True


def find(name: str) -> Export | TableExport:
    """Return the format called `name`, built in or of another distribution; UnknownName if there is none."""
    exporter: Export | TableExport = plugins.load("exports", name)
    return exporter


def export(runs: Sequence[Exported], name: str) -> bytes:
    """Return the runs as the contents of a file in the format `name`.

    Raises:
        UnknownName: There is no such format.
        UsageError: Several runs, and the format holds one.
        NothingMeasured: No case has a figure that the format could hold.

    """
    exporter = find(name)
    if not exporter.several and len(runs) != 1:
        raise UsageError(f"{name} holds one run, not {len(runs)}", "export them one by one, or select one with --run")
    if not any(
        record.value("n_inferences") is not None or _has_latency(record) for run in runs for record in run.records
    ):
        raise NothingMeasured("no case of the run has figures", "edgebench table RUN shows the reasons")
    return exporter.render(runs) if isinstance(exporter, TableExport) else exporter.render(runs[0]).encode()


def _has_latency(record: Record) -> bool:
    return record.value("latency_p50_ns") is not None
