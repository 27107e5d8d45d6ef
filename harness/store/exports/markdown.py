"""Markdown for the summary of a CI step: the main figures, within GitHub's limit of 1 MiB."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.printable import markdown_text
from harness.core.record import Record
from harness.core.verdict import trust_counts

from . import Export, Exported

_MAX_BYTES = 1 << 20
_Column = tuple[str, str, float, str]
# metric, title, factor and format of its column
_COLUMNS: tuple[_Column, ...] = (
    ("latency_p50_ns", "p50 ms", 1e-6, "{:.4g}"),
    ("latency_p99_ns", "p99 ms", 1e-6, "{:.4g}"),
    ("throughput_per_s", "per s", 1.0, "{:.4g}"),
    ("energy_net_j", "net mJ", 1e3, "{:.4g}"),
    ("peak_rss_bytes", "peak MB", 1e-6, "{:.1f}"),
    ("artifact_bytes", "size MB", 1e-6, "{:.2f}"),
    ("top1", "top-1 %", 100.0, "{:.2f}"),
)


def _columns(records: Sequence[Record]) -> list[_Column]:
    """Return the columns that any record has; the quality of tasks that have no column of their own is the last."""
    kinds = list(dict.fromkeys(record.quality_kind for record in records if record.quality_name == "quality"))
    shares = all(kind.unit == "share" for kind in kinds)
    title = " / ".join(f"{kind.label} {'%' if shares else kind.unit}".rstrip() for kind in kinds)
    quality: _Column = ("quality", title, 100.0 if shares else 1.0, "{:.2f}" if shares else "{:.4g}")
    columns = [*_COLUMNS, quality] if kinds else _COLUMNS
    return [column for column in columns if any(record.value(column[0]) is not None for record in records)]


def render(run: Exported) -> str:
    """Return a heading, the table, and the number of rows that did not fit."""
    shown = _columns(run.records)
    counts = trust_counts(record.verdict.status for record in run.records)
    titles = ["case", *(title for _, title, _, _ in shown), "verdict"]
    lines = [
        f"## {markdown_text(run.header.suite)} on {markdown_text(run.header.target)}",
        "",
        f"{markdown_text(run.header.run_id)}, {len(run.records)} of {len(run.header.planned)} cases",
        "",
        f"Times: {counts}; a figure that is struck through cannot be trusted",
        "",
        f"| {' | '.join(titles)} |",
        f"| {' | '.join(['---', *('---:' for _ in shown), '---'])} |",
    ]
    rows = [f"| {' | '.join(_cells(record, shown))} |" for record in run.records]
    return _within_limit(lines, rows)


def _cells(record: Record, shown: list[_Column]) -> list[str]:
    numbers = [_number(record, name, factor, form) for name, _, factor, form in shown]
    verdict = f"{record.verdict.status}: {record.verdict.reason}" if record.verdict.reason else record.verdict.status
    return [markdown_text(record.case_id), *numbers, markdown_text(verdict)]


def _number(record: Record, name: str, factor: float, form: str) -> str:
    """Return a figure; struck through where the verdict says that it must not be compared."""
    value = record.value(name)
    if value is None:
        return "-"
    text = form.format(value * factor)
    return text if record.trusts(name) else f"~~{text}~~"


def _within_limit(head: list[str], rows: list[str]) -> str:
    room_bytes = _MAX_BYTES - 200 - sum(len(line.encode()) + 1 for line in head)
    fitting = []
    for row in rows:
        room_bytes -= len(row.encode()) + 1
        if room_bytes < 0:
            break
        fitting.append(row)
    left_out = len(rows) - len(fitting)
    tail = ["", f"{left_out} more cases do not fit into 1 MiB."] if left_out else []
    return "\n".join([*head, *fitting, *tail, ""])


PLUGINS: tuple[Export, ...] = (Export("markdown", render),)
