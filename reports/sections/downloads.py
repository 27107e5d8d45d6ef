"""Downloads: the table and the raw samples, and the command that repeats the run."""

from __future__ import annotations

import base64
import gzip
import io
import shlex

from markupsafe import Markup

from harness.store.frame import Format, record_table, write_table
from reports.data import ReportData
from reports.samples import count_samples, write_csv_gz
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_TYPES: tuple[tuple[Format, str], ...] = (("csv", "text/csv"), ("json", "application/json"))
_MOST_UNCOMPRESSED = 300  # cases: compression saves 95 %, and pandas reads .gz files
_MOST_EMBEDDED = 100_000  # samples: with more the page would be too large to mail


def render(data: ReportData) -> Markup | Absent:
    """Render links that contain the data, so that they work in a mailed file and without JavaScript."""
    if not data.cases:
        return Absent("the run has no records")
    samples = count_samples(data)
    files = _tables(data)
    if 0 < samples <= _MOST_EMBEDDED and not data.samples_file:
        compressed = io.BytesIO()
        write_csv_gz(data, compressed)
        files.append(_link("samples.csv.gz", "application/gzip", compressed.getvalue()))
    return _TEMPLATE.render(
        files=files,
        samples=samples,
        beside=data.samples_file,
        embedded=samples <= _MOST_EMBEDDED,
        commands=list(dict.fromkeys(shlex.join(run.header.command) for run in data.runs)),
    )


def _tables(data: ReportData) -> list[tuple[str, str, int]]:
    """Return the table of cases as CSV and as JSON."""
    frame = record_table(case.record for case in data.cases)
    files = []
    for kind, media in _TYPES:
        out = io.StringIO()
        write_table(frame, kind, out)
        content = out.getvalue().encode()
        if len(data.cases) <= _MOST_UNCOMPRESSED:
            files.append(_link(f"cases.{kind}", media, content))
        else:  # mtime=0: the same records give the same report
            files.append(_link(f"cases.{kind}.gz", "application/gzip", gzip.compress(content, mtime=0)))
    return files


def _link(name: str, media: str, content: bytes) -> tuple[str, str, int]:
    """Return (file name, data URL of the content, size in bytes)."""
    return name, f"data:{media};base64,{base64.b64encode(content).decode()}", len(content)


PLUGINS: tuple[Section, ...] = (Section("downloads", "Downloads", 140, render),)
