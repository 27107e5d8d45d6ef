"""The table to take away, and the command that makes it again."""

from __future__ import annotations

import base64
import gzip
import io
import shlex

from markupsafe import Markup

from harness.store.frame import Format, record_table, write_table
from reports.data import ReportData
from reports.section import Absent, Section, body

_TYPES: tuple[tuple[Format, str], ...] = (("csv", "text/csv"), ("json", "application/json"))

_PLAIN_UP_TO = 300  # cases: above that CSV alone and compressed, a twentieth of the size; pandas reads it as it is


def render(data: ReportData) -> Markup | Absent:
    """Links with the data inside, so that they work in a file that was mailed, and without JavaScript."""
    if not data.cases:
        return Absent("the run holds no record")
    frame = record_table(case.record for case in data.cases)
    plain = len(data.cases) <= _PLAIN_UP_TO
    files = []
    for kind, media in _TYPES if plain else _TYPES[:1]:
        out = io.StringIO()
        write_table(frame, kind, out)
        text = out.getvalue().encode()
        if plain:
            files.append(_link(f"cases.{kind}", media, text))
        else:
            files.append(_link("cases.csv.gz", "application/gzip", _gz(text)))
    return body("downloads.html", files=files, commands=[shlex.join(run.header.command) for run in data.runs])


def _link(name: str, media: str, content: bytes) -> tuple[str, str, int]:
    """(file name, address with the content inside, its bytes)."""
    return name, f"data:{media};base64,{base64.b64encode(content).decode()}", len(content)


def _gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # no time in it: the same records give the same report


SECTION = Section("downloads", "Downloads", 140, render)
