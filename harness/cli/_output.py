"""Printing shared by commands: tables and where the report is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import RecordError
from harness.store.runfolder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


def open_run(path: str) -> RunFolder:
    """The run folder at `path` (or its run.json); RecordError when there is none."""
    place = Path(path)
    place = place.parent if place.name == "run.json" else place
    if not (place / "run.json").is_file():
        raise RecordError(f"{path} is not a run folder: no run.json in it", "give the folder `edgebench run` named")
    return RunFolder(place)


def show_table(folder: RunFolder, as_json: bool) -> None:
    """The final table, for people or as JSON."""
    if as_json:
        from harness.store.frame import table, write_table

        write_table(table(folder), "json", sys.stdout)
        return
    from rich.console import Console

    from reports.terminal.table import final_table

    Console().print(final_table(folder.records(), folder.header()))
    missing = folder.missing()
    if missing:
        print(f"{len(missing)} planned cases have no record: {', '.join(missing)}")


def show_report(folders: Sequence[RunFolder], silent: bool = False, out: Path | None = None) -> Path:
    """Write the report and print its path."""
    from reports.build import build

    path = build(folders, out or folders[0].path / "report.html")
    if not silent:
        print(f"report: {path}")
    return path


def show_comparison(frame: pd.DataFrame) -> None:
    """A comparison of two runs, for people: the ratio is RUN_B over RUN_A, below 1 is faster.

    A forced one of unlike runs is headed by what differs.
    """
    from rich.console import Console

    from reports.terminal.comparison import comparison_table

    unlike = frame.unlike.iloc[0]
    if unlike:
        Console().print(f"forced, these runs are unlike: {unlike}", markup=False, style="yellow")
    Console().print(comparison_table(frame))
