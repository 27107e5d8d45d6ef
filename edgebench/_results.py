"""`Results`: the records of one run folder; `read` and `recommend`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core import optional

from ._keywords import named, parsed
from ._options import Bounds

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Unpack

    from harness.core.record import Record, RunHeader
    from reports.recommend import Recommendation


@dataclass(frozen=True)
class Results:
    """The cases of one run as they were on disk when it was read; nothing here changes them.

    Attributes:
        path: The run folder.
        header: What the run was asked to measure, and on what machine.
        records: One record per case, with its verdict; `record.quantity(name)` is a value or the reason for none.

    Example:
        >>> import edgebench as eb
        >>> results = eb.read("runs/first")
        >>> results.frame[["model", "runtime", "verdict", "latency_p50_ns"]].shape[1]
        4
        >>> results.report().name
        'report.html'
    """

    path: Path
    header: RunHeader = field(repr=False)
    records: tuple[Record, ...] = field(repr=False)

    @cached_property
    @named()
    def frame(self) -> pd.DataFrame:
        """One row per case, with the columns of `edgebench table --format csv`; a missing number is empty."""
        from harness.store.frame import record_table

        return record_table(self.records)

    @named()
    def report(self, path: str | PathLike[str] | None = None) -> Path:
        """Write the HTML report.

        Args:
            path: The file to write; None for report.html in the run folder.

        Returns:
            The file.
        """
        from harness.store.runfolder import RunFolder
        from reports.build import build

        return build([RunFolder(self.path)], self.path / "report.html" if path is None else Path(path))

    @named(Bounds)
    def best(self, **bounds: Unpack[Bounds]) -> Record | None:
        """Return the best case under bounds, None where no case meets them; see `edgebench.recommend`.

        Raises:
            NothingMeasured: No case has both a latency and an accuracy that can rank it.
            UsageError: A bound cannot be read.

        Example:
            >>> import edgebench as eb
            >>> eb.read("runs/first").best(max_size="1kB") is None
            True
        """
        return recommend(self, **bounds).best

    def __repr__(self) -> str:
        measured = sum(record.value("n_inferences") is not None for record in self.records)
        return f"<Results of {self.header.suite!r}: {measured} of {len(self.records)} cases measured, {self.path}>"

    def _repr_html_(self) -> str | None:
        """Return the table with verdicts and the plot of latency and accuracy, for notebooks; None without `report`."""
        if optional.missing("report"):
            return None
        from reports.notebook import html

        return html(self.records, self.header)


@named()
def read(path: str | PathLike[str]) -> Results:
    """Return the results in a run folder.

    Args:
        path: The folder, or its run.json.

    Raises:
        RecordError: It is not a run folder, or a record in it cannot be read.

    Example:
        >>> import edgebench as eb
        >>> eb.read("runs/first").header.target
        'raspberry-pi-5'
    """
    from harness.cli._output import open_run
    from harness.core.errors import RecordError

    folder = open_run(fspath(path))
    contents = folder.contents()
    if contents.damaged:
        raise RecordError("; ".join(contents.damaged.values()), "copy the run again, or remove the damaged record")
    return Results(folder.path, folder.header(), contents.records)


@named(Bounds)
def recommend(results: Results | str | PathLike[str], **bounds: Unpack[Bounds]) -> Recommendation:
    """Return the best setting of a run under bounds, as `edgebench recommend` does.

    Args:
        results: Results, or a run folder.
        **bounds: `max_latency="20ms"`, `min_top1=0.88`, `quality=0.5`, `max_energy="50mJ"`, `max_size="2MB"`,
            `max_drop="1%"`.

    Returns:
        The best case and the second, which bounds decide, and which bound would have to move where nothing fits.

    Raises:
        NothingMeasured: No case has both a latency and an accuracy that can rank it.
        UsageError: A bound cannot be read.

    Example:
        >>> import edgebench as eb
        >>> eb.recommend("runs/first", max_latency="1s").best.trusts("latency_p50_ns")
        True
        >>> eb.recommend("runs/first", max_latency=20)
        Traceback (most recent call last):
            ...
        harness.core.errors.UsageError: max_latency: '20' is not a time: write a number and one of ns, ...
          help(edgebench.recommend) lists the keywords
    """
    from harness.cli import recommend as command

    read_results = results if isinstance(results, Results) else read(results)
    arguments = parsed(command, [read_results.path], bounds)
    return command.recommended(str(read_results.path), read_results.records, command.bounds_of(arguments))
