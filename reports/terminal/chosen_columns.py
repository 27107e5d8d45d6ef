"""A run for the terminal in the columns that the user has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table

from harness.core.record import Record
from harness.store.rows import record_rows
from reports.columns import Column
from reports.labels import mark_of, scales_of

from .table import untrusted_lines, value_text


@dataclass(frozen=True)
class ChosenColumns:
    """Prints one line per record, then why some cannot be trusted.

    Attributes:
        records: The records, in the order of the lines.
        columns: The columns; the sign of the verdict comes last.

    """

    records: Sequence[Record]
    columns: Sequence[Column]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        scales, rows = scales_of(self.records), record_rows(self.records)
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for column in self.columns:
            unit = scales[column.metric.name].unit if column.metric else ""
            title = f"{column.short_title} {unit}".rstrip()
            table.add_column(title, justify="right" if column.metric else "left", overflow="fold")
        table.add_column("", no_wrap=True)
        for record, row in zip(self.records, rows, strict=True):
            cells = (value_text(column.cell(record, row, scales)) for column in self.columns)
            table.add_row(*cells, mark_of(record.verdict))
        yield table
        yield from untrusted_lines(self.records)
