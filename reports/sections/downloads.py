"""The table to take away, and the command that makes it again."""

from __future__ import annotations

import base64
import io
import shlex

from markupsafe import Markup

from harness.store.frame import Format, record_table, write_table
from reports.data import ReportData
from reports.section import Absent, Section, body

_TYPES: tuple[tuple[Format, str], ...] = (("csv", "text/csv"), ("json", "application/json"))

_JSON_UP_TO = 300  # cases: above that the table alone as CSV, which is a third of the size


def render(data: ReportData) -> Markup | Absent:
    """Links with the data inside, so that they work in a file that was mailed, and without JavaScript."""
    if not data.cases:
        return Absent("the run holds no record")
    frame = record_table(case.record for case in data.cases)
    files = []
    for kind, media in _TYPES if len(data.cases) <= _JSON_UP_TO else _TYPES[:1]:
        out = io.StringIO()
        write_table(frame, kind, out)
        content = out.getvalue().encode()
        files.append((f"cases.{kind}", f"data:{media};base64,{base64.b64encode(content).decode()}", len(content)))
    return body("downloads.html", files=files, commands=[shlex.join(run.header.command) for run in data.runs])


SECTION = Section("downloads", "Downloads", 140, render)
