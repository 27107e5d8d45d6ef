"""Markdown for the summary of a CI step: the figures that people look at, within GitHub's 1 MiB."""

from __future__ import annotations

from harness.core.record import Record

from . import Export, Exported

_MOST_BYTES = 1 << 20
# metric, title, factor and form of its column
_COLUMNS = (
    ("latency_p50_ns", "p50 ms", 1e-6, "{:.4g}"),
    ("latency_p99_ns", "p99 ms", 1e-6, "{:.4g}"),
    ("throughput_per_s", "per s", 1.0, "{:.4g}"),
    ("energy_net_j", "net mJ", 1e3, "{:.4g}"),
    ("peak_rss_bytes", "peak MB", 1e-6, "{:.1f}"),
    ("artifact_bytes", "size MB", 1e-6, "{:.2f}"),
    ("top1", "top-1 %", 100.0, "{:.2f}"),
)


def render(run: Exported) -> str:
    """A heading, the table, and how many rows found no room."""
    shown = [column for column in _COLUMNS if any(record.value(column[0]) is not None for record in run.records)]
    titles = ["case", *(title for _, title, _, _ in shown), "verdict"]
    lines = [
        f"## {_escape(run.header.suite)} on {_escape(run.header.target)}",
        "",
        f"{_escape(run.header.run_id)}, {len(run.records)} of {len(run.header.planned)} cases",
        "",
        f"| {' | '.join(titles)} |",
        f"| {' | '.join(['---', *('---:' for _ in shown), '---'])} |",
    ]
    rows = [f"| {' | '.join(_cells(record, shown))} |" for record in run.records]
    return _within_limit(lines, rows)


def _cells(record: Record, shown: list[tuple[str, str, float, str]]) -> list[str]:
    numbers = [_number(record.value(name), factor, form) for name, _, factor, form in shown]
    verdict = f"{record.verdict.status}: {record.verdict.reason}" if record.verdict.reason else record.verdict.status
    return [_escape(record.case_id), *numbers, _escape(verdict)]


def _number(value: float | None, factor: float, form: str) -> str:
    return "-" if value is None else form.format(value * factor)


def _within_limit(head: list[str], rows: list[str]) -> str:
    room = _MOST_BYTES - 200 - sum(len(line.encode()) + 1 for line in head)
    kept = []
    for row in rows:
        room -= len(row.encode()) + 1
        if room < 0:
            break
        kept.append(row)
    left = len(rows) - len(kept)
    tail = ["", f"{left} more cases found no room in 1 MiB."] if left else []
    return "\n".join([*head, *kept, *tail, ""])


def _escape(text: str) -> str:
    """A '|' or a line end would break the row, a '<' would become HTML, the rest of Markdown's signs markup."""
    marked = "".join(f"\\{sign}" if sign in "\\|*_`[]#" else sign for sign in text)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ").replace("\r", " ")


PLUGINS: tuple[Export, ...] = (Export("markdown", render),)
