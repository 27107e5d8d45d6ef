"""Draws the figures of a run, or of several, into files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from harness.core.errors import NothingMeasured, UnknownName
from harness.core.files import write_atomic
from reports.data import ReportData
from reports.section import Absent

from . import ecdf, front, heatmap, history
from .style import Drawn, Format, file_content, paper_style

Draw = Callable[[ReportData, float], list[Drawn] | Absent]

FIGURES: Mapping[str, Draw] = MappingProxyType(
    {"front": front.draw, "ecdf": ecdf.draw, "heatmap": heatmap.draw, "history": history.draw}
)
"""Each kind of figure, in the order in which they are drawn."""


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes:
        path: The file.
        notes: What the figure leaves out, and why.

    """

    path: Path
    notes: Sequence[str]


@dataclass(frozen=True)
class Result:
    """What became of the figures that were wanted.

    Attributes:
        written: The files.
        absent: Why a kind of figure could not be drawn, by its name.

    """

    written: Sequence[Written]
    absent: Mapping[str, str]


def write_figures(
    data: ReportData, folder: Path, kind: Format = "pdf", width_mm: float = 88.0, names: Sequence[str] = ()
) -> Result:
    """Draw the figures called `names`, all of them if there are none, and write a file for each.

    Args:
        data: The runs.
        folder: Folder of the files; it is made.
        kind: Format of the files.
        width_mm: Width of a figure; its height follows from what is in it.
        names: Some of `FIGURES`.

    Raises:
        UnknownName: One of the names is no figure.
        UsageError: matplotlib is not installed.
        NothingMeasured: None of them has anything to show.

    """
    for name in names:
        if name not in FIGURES:
            raise UnknownName("figure", name, FIGURES)
    written: list[Written] = []
    absent: dict[str, str] = {}
    with paper_style():
        for name in [name for name in FIGURES if name in names or not names]:
            drawn = FIGURES[name](data, width_mm)
            if isinstance(drawn, Absent):
                absent[name] = drawn.reason
                continue
            written += [_write(each, folder, kind) for each in drawn]
    if not written:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in absent.items())
        raise NothingMeasured(f"nothing to draw: {reasons}", "edgebench table RUN shows what was measured")
    return Result(written, absent)


def _write(drawn: Drawn, folder: Path, kind: Format) -> Written:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{drawn.name}.{kind}"
    write_atomic(path, file_content(drawn.figure, kind))
    return Written(path, drawn.notes)
