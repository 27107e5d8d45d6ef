"""A table of the terminal whose rows are laid out one by one: rich measures and renders every cell several times.

Its columns have the widths that rich gives them, and its lines are those of a rich table without a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest

from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Column:
    """A column of texts.

    Attributes:
        title: Its heading.
        cells: Its texts, one for each row.
        right: Whether its texts stand at the right edge.
        folds: Whether a text that is too long goes on in the next line; else it is cut.
    """

    title: str
    cells: Sequence[Text]
    right: bool = False
    folds: bool = False

    @cached_property
    def widest(self) -> tuple[Text, Text]:
        """The widest text, and the one with the widest word, which only a column that folds can be narrowed to."""
        widest = max(self.cells, key=lambda cell: cell.cell_len, default=Text())
        return widest, max(self.cells, key=_longest_word, default=Text()) if self.folds else widest


@dataclass(frozen=True)
class RowsTable:
    """Columns of equally many cells; a space between two of them.

    Attributes:
        columns: The columns.
    """

    columns: Sequence[Column]

    def ruler(self) -> Table:
        """Return a rich table of two rows, the widest texts of each column: as wide as one of all rows."""
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for column in self.columns:
            if column.folds:
                table.add_column(column.title, overflow="fold")
            else:
                table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
        table.add_row(*(column.widest[0] for column in self.columns))
        table.add_row(*(column.widest[1] for column in self.columns))
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        padded = self.ruler()._calculate_column_widths(console, options)
        widths = [width - 1 for width in padded[:-1]] + padded[-1:]
        heading = [Text(column.title, style="bold") for column in self.columns]
        for row in chain([heading], zip(*(column.cells for column in self.columns), strict=True)):
            for line in self._lines(row, widths, console):
                yield from line.render(console, end="\n")

    def _lines(self, row: Sequence[Text], widths: Sequence[int], console: Console) -> Iterator[Text]:
        """Yield the lines of a row: one, unless a text folds."""
        cells = zip(row, self.columns, widths, strict=True)
        parts = [_fitted(cell, column, width, console) for cell, column, width in cells]
        for line in zip_longest(*parts):
            joined = Text()
            for number, (cell, width, column) in enumerate(zip(line, widths, self.columns, strict=True)):
                shown = Text() if cell is None else cell
                gap = " " * max(0, width - shown.cell_len)
                joined.append(gap if column.right else "").append_text(shown).append("" if column.right else gap)
                joined.append(" " if number < len(widths) - 1 else "")
            yield joined


def _fitted(cell: Text, column: Column, width: int, console: Console) -> Sequence[Text]:
    """Return the lines of a text in its column."""
    if cell.cell_len <= width:
        return (cell,)
    if column.folds:
        return tuple(cell.wrap(console, width, overflow="fold"))
    cut = cell.copy()
    cut.truncate(width, overflow="ellipsis")
    return (cut,)


def _longest_word(text: Text) -> int:
    return max(map(len, text.plain.split()), default=0)
