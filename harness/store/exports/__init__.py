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
    """A run to be written. `samples` gives a record's latencies in integer nanoseconds; empty where none were kept.

    `better` chooses the metrics of formats that hold those of one direction alone.
    """

    header: RunHeader
    records: Sequence[Record]
    samples: Callable[[Record], npt.NDArray[np.int64]]
    better: Literal["lower", "higher"] = "lower"


@dataclass(frozen=True)
class Export:
    """A format that holds one run.

    Attributes:
        name: What `--format` calls it.
        render: Return the text of a file; it is written as UTF-8.
        suffix: The suffix that its readers insist on ('.prom'), empty where any will do.

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
    """Return the format called `name`, built in or another distribution's; UnknownName where there is none."""
    found: Export | TableExport = plugins.load("exports", name)
    return found


def export(runs: Sequence[Exported], name: str) -> bytes:
    """Return the runs as the contents of a file in the format `name`.

    Raises:
        UnknownName: There is no such format.
        UsageError: Several runs, and the format holds one.
        NothingMeasured: No case has a figure that the format could hold.

    """
    found = find(name)
    if not found.several and len(runs) != 1:
        raise UsageError(f"{name} holds one run, not {len(runs)}", "export one after another, or choose one by --run")
    if not any(
        record.value("n_inferences") is not None or _has_latency(record) for run in runs for record in run.records
    ):
        raise NothingMeasured("no case of the run has figures", "edgebench table RUN tells why")
    return found.render(runs) if isinstance(found, TableExport) else found.render(runs[0]).encode()


def _has_latency(record: Record) -> bool:
    return record.value("latency_p50_ns") is not None
