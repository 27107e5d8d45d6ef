"""The table and the raw samples to take away, and the command that makes them again."""

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
_PLAIN_UP_TO = 300  # cases: above that compressed, a twentieth of the size; pandas reads it as it is
_SAMPLES_INSIDE = 100_000  # inferences: more would make a page that nobody can mail


def render(data: ReportData) -> Markup | Absent:
    """Links with the data inside, so that they work in a file that was mailed, and without JavaScript."""
    if not data.cases:
        return Absent("the run holds no record")
    samples = count_samples(data)
    files = _tables(data)
    if 0 < samples <= _SAMPLES_INSIDE and not data.samples_file:
        packed = io.BytesIO()
        write_csv_gz(data, packed)
        files.append(_link("samples.csv.gz", "application/gzip", packed.getvalue()))
    return _TEMPLATE.render(
        files=files,
        samples=samples,
        beside=data.samples_file,
        inside=samples <= _SAMPLES_INSIDE,
        commands=[shlex.join(run.header.command) for run in data.runs],
    )


def _tables(data: ReportData) -> list[tuple[str, str, int]]:
    """The table of the cases as CSV and as JSON."""
    frame = record_table(case.record for case in data.cases)
    files = []
    for kind, media in _TYPES:
        out = io.StringIO()
        write_table(frame, kind, out)
        content = out.getvalue().encode()
        if len(data.cases) <= _PLAIN_UP_TO:
            files.append(_link(f"cases.{kind}", media, content))
        else:  # without a time in it: the same records give the same report
            files.append(_link(f"cases.{kind}.gz", "application/gzip", gzip.compress(content, mtime=0)))
    return files


def _link(name: str, media: str, content: bytes) -> tuple[str, str, int]:
    """(file name, address with the content inside, its bytes)."""
    return name, f"data:{media};base64,{base64.b64encode(content).decode()}", len(content)


PLUGINS: tuple[Section, ...] = (Section("downloads", "Downloads", 140, render),)
