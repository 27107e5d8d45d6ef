"""Reading run folders and printing tables, as several commands do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import RecordError
from harness.store.runfolder import RunFolder, SettledRun

from ._store import print_damaged

if TYPE_CHECKING:
    import pandas as pd

    from harness.core.record import RunHeader


def open_run(path: str) -> RunFolder:
    """Return the run folder at `path`, which may name its run.json too.

    Raises:
        RecordError: There is none.
    """
    place = Path(path)
    place = place.parent if place.name == "run.json" else place
    if not (place / "run.json").is_file():
        raise RecordError(
            f"{path} is not a run folder: no run.json in it", "give the folder that `edgebench run` wrote"
        )
    return SettledRun(place)


def show_table(folder: RunFolder, as_json: bool) -> None:
    """Print the table of a run, for the terminal or as JSON, and the records that cannot be read.

    Raises:
        RecordError: The header cannot be read, or no record.
    """
    contents = folder.contents()
    contents.refuse_all_damaged()
    print_damaged(contents.damaged)
    if as_json:
        from harness.store.rows import record_rows, rows_json

        sys.stdout.write(rows_json(record_rows(contents.records)))
        return
    from reports.terminal.table import final_table

    from ._console import console

    header = folder.header()
    console().print(final_table(contents.records, header))
    if missing := contents.missing(header.planned):
        print(f"{len(missing)} planned cases have no record: {', '.join(missing)}")


def show_report(folders: Sequence[RunFolder], silent: bool = False, out: Path | None = None) -> Path:
    """Write the report and print its path."""
    from reports.build import build

    path = build(folders, out or folders[0].path / "report.html")
    if not silent:
        print(f"report: {path}")
    return path


def show_comparison(frame: pd.DataFrame, a: RunHeader, b: RunHeader) -> None:
    """Print a comparison of the runs `a` and `b`, which begins with what differs between them.

    Ratios are B over A: a latency ratio below 1 means that B is faster.
    """
    from reports.terminal.comparison import comparison_table

    from ._console import console

    differences = frame.unlike.iloc[0]
    if differences:
        console().print(f"forced comparison of runs that differ: {differences}", markup=False, style="yellow")
    if a.unit and b.unit and a.unit != b.unit:
        text = f"two boards: A is {a.target} ({a.unit}), B is {b.target} ({b.unit}); a ratio is no change in time"
        console().print(text, markup=False, style="yellow")
    console().print(comparison_table(frame))
