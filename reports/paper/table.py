"""A table of cases in LaTeX, with booktabs, units in its header, intervals, and notes on what cannot be trusted."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.core.record import Record, RunHeader
from harness.core.verdict import FAILED, Status, spoiled
from harness.store.rows import dtype, record_rows
from reports.columns import Column, column
from reports.labels import COLUMNS, effective_precision_note, load_of, measured, scales_of
from reports.numbers import FormattedValue, counted
from reports.recommend import is_scored
from reports.text import brief

from .latex import beyond_pdflatex, escape
from .numbers import Number, column_format

_SYMBOLS = (r"\ast", r"\dagger", r"\ddagger", r"\S", r"\P", r"\|")
_WITHOUT_FIGURES = FAILED | {"unsupported"}
_LONGEST_NOTE = 220
_ALWAYS = ("model", "compression", "runtime")
_METRICS = tuple(name for name in COLUMNS if name != "latency_p90_ns")  # with all of them it is wider than a page
_IF_SEVERAL = ("target", "run", "threads", "batch", "scenario")


@dataclass(frozen=True)
class Layout:
    """How a table is set.

    Attributes:
        caption: Its caption, as plain text.
        label: Its label, without the backslash command.
        siunitx: Whether numbers are aligned by the package siunitx; otherwise in math mode, aligned to the right.
        by_model: Whether the model stands above its cases instead of in a column.

    """

    caption: str
    label: str
    siunitx: bool = True
    by_model: bool = False


def default_columns(records: Sequence[Record]) -> list[Column]:
    """Return what identifies a case, whatever of it differs among the records, and the metrics that any record has."""
    rows = record_rows(records)
    varying = [name for name in _IF_SEVERAL if len({row[name] for row in rows}) > 1]
    if "scenario" not in varying and len({load_of(record) for record in records}) > 1:
        varying.append("driver")
    if "target" in varying:
        varying = [name for name in varying if name != "run"]
    return [column(name) for name in (*_ALWAYS, *varying, *measured(records, _METRICS))]


def latex_table(records: Sequence[Record], columns: Sequence[Column], layout: Layout) -> str:
    """Return a `table` environment with one row per record, in the given order."""
    return _Table(records, columns, layout).code()


class _Table:
    """The parts of one table."""

    def __init__(self, records: Sequence[Record], columns: Sequence[Column], layout: Layout) -> None:
        self._records, self._layout = records, layout
        self._columns = [each for each in columns if not (layout.by_model and each.name == "model")]
        self._scales = scales_of(records)
        self._rows = self._read_rows()
        self._marks = _symbols(
            records, accuracy=any(each.name.startswith(("top", "quality")) for each in self._columns)
        )
        self._text_first = next((i for i, each in enumerate(self._columns) if each.metric is None), None)

    def code(self) -> str:
        """Return the whole environment after a comment that names what it needs."""
        body = "\n".join([*self._begin(), *self._header(), *self._body(), *self._end()])
        return "\n".join([*self._needs(body), body, ""])

    def _needs(self, body: str) -> Iterator[str]:
        yield r"% Needs \usepackage{booktabs}" + (r" and \usepackage{siunitx}." if self._layout.siunitx else ".")
        if beyond := beyond_pdflatex(body):
            yield f"% Needs LuaLaTeX or XeLaTeX and a font that has: {beyond}"

    def _begin(self) -> Iterator[str]:
        yield r"\begin{table}"
        yield r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}"
        yield rf"  \caption{{{escape(self._layout.caption)}}}"
        yield rf"  \label{{{self._layout.label}}}"
        if self._layout.siunitx:
            yield r"  \sisetup{separate-uncertainty = true, table-align-uncertainty = false}"
        mark = "l" if self._text_first is None else ""
        yield rf"  \begin{{tabular}}{{@{{}}{''.join(map(self._specification, range(len(self._columns))))}{mark}@{{}}}}"
        yield r"    \toprule"

    def _specification(self, index: int) -> str:
        """Return the kind of a column: numbers that siunitx aligns, other numbers on the right, text on the left."""
        each = self._columns[index]
        if each.metric is None:
            return "r" if dtype(each.name) != "object" else "l"
        numbers = [number for row in self._rows if isinstance(number := row[index], Number)]
        return column_format(numbers) if self._layout.siunitx else "r"

    def _header(self) -> Iterator[str]:
        """Yield the titles in two lines: columns of numbers are narrow. The unit ends the second one."""
        above, below = zip(*map(self._title, self._columns), strict=True)
        yield f"    {' & '.join(map(self._heading, above, self._columns))} \\\\"
        if any(below):
            yield f"    {' & '.join(map(self._heading, below, self._columns))} \\\\"
        yield r"    \midrule"

    def _title(self, of: Column) -> tuple[str, str]:
        if of.metric is None:
            return of.title, ""
        unit = self._scales[of.metric.name].unit
        first, _, last = of.title.rpartition(" ")
        return first or last, " ".join([*([last] if first else []), *([f"({unit})"] if unit else [])])

    def _heading(self, text: str, of: Column) -> str:
        braces = of.metric is not None and self._layout.siunitx and text
        return f"{{{escape(text)}}}" if braces else escape(text)

    def _read_rows(self) -> list[list[Number | str]]:
        rows: list[list[Number | str]] = []
        for record, row in zip(self._records, record_rows(self._records), strict=True):
            values = [each.cell(record, row, self._scales) for each in self._columns]
            rows.append([self._cell(value, each) for value, each in zip(values, self._columns, strict=True)])
        return rows

    def _cell(self, value: FormattedValue, of: Column) -> Number | str:
        if of.metric is None:
            return "--" if value.missing else escape(value.text)
        return Number.of(value)

    def _body(self) -> Iterator[str]:
        indexed = list(enumerate(self._records))
        if not self._layout.by_model:
            yield from (self._line(index) for index, _ in indexed)
            return
        width = len(self._columns) + (self._text_first is None)
        for position, (model, group) in enumerate(groupby(indexed, lambda pair: pair[1].case.model)):
            if position:
                yield r"    \addlinespace"
            yield rf"    \multicolumn{{{width}}}{{@{{}}l}}{{\textit{{{escape(model)}}}}} \\"
            yield from (self._line(index) for index, _ in group)

    def _line(self, index: int) -> str:
        symbols = r"\,".join(self._marks.of(self._records[index]))
        superscript = f"$^{{{symbols}}}$" if symbols else ""
        cells = [
            cell.code(self._layout.siunitx) if isinstance(cell, Number) else cell for cell in self._rows[index]
        ]  # fmt: skip
        if self._text_first is None:
            cells.append(superscript)
        else:
            cells[self._text_first] += superscript
        return f"    {' & '.join(cells)} \\\\"

    def _end(self) -> Iterator[str]:
        yield r"    \bottomrule"
        yield r"  \end{tabular}"
        if notes := [*self._about_intervals(), *self._marks.notes(), *self._about_missing()]:
            yield r"  \par\smallskip"
            yield r"  \begin{minipage}{\linewidth}\scriptsize\raggedright"
            yield from (rf"    {note}\par" for note in notes)
            yield r"  \end{minipage}"
        yield r"\end{table}"

    def _about_intervals(self) -> Iterator[str]:
        numbers = [cell for row in self._rows for cell in row if isinstance(cell, Number)]
        if any(number.half for number in numbers):
            yield r"$\pm$: half the width of the 95\,\% interval."
        if any(number.ends for number in numbers):
            yield r"[~,~]: the ends of a 95\,\% interval that is wider than $\pm$10\,\%."

    def _about_missing(self) -> Iterator[str]:
        """Yield why a case that ran has no value, one line per column."""
        for each in self._columns:
            if each.metric is None:
                continue
            missing = (record.missing(each.metric.name) for record in self._records if record.verdict.ran)
            reasons = Counter(filter(None, missing))
            if reasons:
                first = _brief(reasons.most_common(1)[0][0])
                more = f" (and {counted(len(reasons) - 1, 'other reason')})" if len(reasons) > 1 else ""
                yield f"--: {escape(f'{each.title}: {brief(str(first))}{more}.')}"


class _Marks:
    """Footnote symbols: what they stand for, and which records have them."""

    def __init__(self, found: Sequence[tuple[Record, str, str]], everywhere: Iterable[str]) -> None:
        self._found = found
        self._everywhere = list(everywhere)
        kinds = dict.fromkeys(kind for _, kind, _ in found)
        self._symbol = {kind: _symbol(index) for index, kind in enumerate(kinds)}

    def of(self, record: Record) -> list[str]:
        """Return the symbols of a record."""
        return [self._symbol[kind] for owner, kind, _ in self._found if owner is record]

    def notes(self) -> Iterator[str]:
        """Yield a line per symbol, then what holds for all records."""
        for kind, symbol in self._symbol.items():
            texts = list(dict.fromkeys(text for _, other, text in self._found if other == kind and text))
            example = ", for example" if len(texts) > 1 else ""
            about = f"{kind}{example}: {_brief(texts[0])}" if texts else kind
            yield rf"$^{{{symbol}}}$\,{escape(brief(about))}."
        yield from (escape(f"{_brief(text)}.") for text in self._everywhere)


def _symbols(records: Sequence[Record], accuracy: bool) -> _Marks:
    """Return the marks of untrusted and imprecise cases, of another precision than requested, and of accuracies."""
    found: list[tuple[Record, str, str]] = []
    notes = {record.accuracy_note for record in records if is_scored(record)} if accuracy else set()
    for record in records:
        if record.verdict.status != "precise":
            found.append((record, _verdict(record.verdict.status), record.verdict.reason))
        if note := effective_precision_note(record):
            found.append((record, note, ""))
        if len(notes) > 1 and record.accuracy_note and is_scored(record):
            found.append((record, f"Accuracy: {record.accuracy_note}", ""))
    shared = [f"Accuracy: {note}" for note in notes if note and len(notes) == 1]
    return _Marks(found, shared)


def _verdict(status: Status) -> str:
    """Return a verdict with what it leaves unreliable: 'contended (not to be relied on: times, energy)'."""
    lost = spoiled(status) if status not in _WITHOUT_FIGURES else ""
    return f"{status} (not to be relied on: {lost})" if lost else status


def _symbol(index: int) -> str:
    """Return the footnote symbol at a place: the six of LaTeX, then each of them twice, and so on."""
    times, place = divmod(index, len(_SYMBOLS))
    return _SYMBOLS[place] * (times + 1)


def _brief(text: str) -> str:
    """Return a reason without its last full stop, cut where it is too long for a note."""
    return textwrap.shorten(re.sub(r"\.$", "", text), _LONGEST_NOTE, placeholder=" \N{HORIZONTAL ELLIPSIS}")


def default_caption(headers: Sequence[RunHeader]) -> str:
    """Return 'Suite quick on x86-64, measured with edgebench 0.1.0.'."""
    suites, targets, versions = (
        " and ".join(dict.fromkeys(names))
        for names in (
            [header.suite for header in headers],
            [header.target for header in headers],
            [header.versions.get("edgebench", "of an unknown version") for header in headers],
        )
    )
    return f"Suite {suites} on {targets}, measured with edgebench {versions}."
