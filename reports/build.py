"""Builds the report: one self-contained HTML file, or a folder with scripts, plots and downloads beside the page.

The page is complete without JavaScript and opens from file://. There a script element may load what fetch() may not,
so in a folder every plot is a small script, loaded when the reader comes near it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.core.errors import UsageError, describe_error
from harness.core.files import write_atomic
from harness.core.plugins import load_all
from harness.core.printable import printable
from harness.core.record import Record

from .data import CaseView, ReportData, Reset, RunReader, gather
from .recommend import figures, group_name, scored_groups, sliders
from .samples import write_samples
from .section import Absent, Section, json_for_html, read_asset, render_template

_log = logging.getLogger(__name__)

SCRIPTS = ("plotly-cartesian.min.js", "report.js")
STYLE = "report.css"
_HISTORY_FIRST = 15  # after the verdict

_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
    "style-src {style}; script-src {script}"
)
_FOLDER = "'self' file:"  # 'self' matches nothing for a page opened from file://


@dataclass(frozen=True)
class Rendered:
    """A section with its HTML, or with the reason why it has none."""

    section: Section
    html: Markup | None
    absent: Absent | None


def build(
    runs: Sequence[RunReader], out: Path, baseline: RunReader | None = None, resets: Sequence[Reset] = ()
) -> Path:
    """Write the report of some runs as one file and return its path.

    Args:
        runs: The runs, in any order.
        out: The file to write.
        baseline: The run to compare the newest run with; see `gather`.
        resets: Declared resets of the history.

    Raises:
        RecordError: The header of a run cannot be read. Damaged records are named in the report instead.

    """
    return write(gather(runs, baseline, resets), out)


def write(data: ReportData, out: Path) -> Path:
    """Write the page to the file `out` and return its path."""
    html = build_html(data)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, html.encode("utf-8", "replace"))
    return out


def build_html(data: ReportData, linked: bool = False) -> str:
    """Return the whole page, with styles and scripts inside it or, if `linked`, in the folder assets/ beside it."""
    rendered = sorted((_render(section, data) for section in sections()), key=lambda item: _place(item.section, data))
    return render_template(
        "report.html",
        data=data,
        shown=[item for item in rendered if not item.absent],
        absent=[item for item in rendered if item.absent],
        linked=linked,
        policy=Markup(linked_policy() if linked else policy()),  # noqa: S704 - contains quotes and nothing from a run
        style=Markup(read_asset(STYLE)),  # noqa: S704 - our own file
        style_name=STYLE,
        scripts=[(name, Markup(read_asset(name))) for name in SCRIPTS],  # noqa: S704 - our own files
        cases=json_for_html(json.dumps(_for_script(data), allow_nan=False, separators=(",", ":"))),
        filters=_filters(data),
    )


def sections() -> list[Section]:
    """Return every registered section in the order of the page."""
    registered: list[Section] = list(load_all("sections").values())
    return sorted(registered, key=lambda section: (section.order, section.name))


def _place(section: Section, data: ReportData) -> float:
    """Return where a section stands in the page: the history of many runs follows the verdict."""
    return _HISTORY_FIRST if section.name == "history" and data.is_trend else section.order


def _render(section: Section, data: ReportData) -> Rendered:
    """Render a section. One that raises, built-in or plug-in, is shown as failed and does not stop the others."""
    try:
        result = section.render(data)
    except Exception as error:
        _log.warning("the report section '%s' is left out: %s", section.name, describe_error(error))
        _log.debug("", exc_info=True)
        result = Absent(f"the section failed: {describe_error(error)}", "edgebench report RUN --verbose shows where")
    return Rendered(section, None, result) if isinstance(result, Absent) else Rendered(section, result, None)


@cache
def policy() -> str:
    """Return the content security policy of the page: only its own scripts run, identified by their hashes."""
    digests = (hashlib.sha256(read_asset(name).encode()).digest() for name in SCRIPTS)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return _POLICY.format(style="'unsafe-inline'", script=hashes)


def linked_policy() -> str:
    """Return the policy of a page with files beside it: scripts run from there, and none inside the page."""
    return _POLICY.format(style=f"'unsafe-inline' {_FOLDER}", script=_FOLDER)


def _for_script(data: ReportData) -> list[dict[str, Any]]:
    """Return what the script needs of every case: `ranked` ones can be recommended, values not trusted are null.

    `worst` is the end of an imprecise latency's interval, null for any other and where there is none.
    """
    groups = {
        case.key: group_name(unit.name, group, place == 0)
        for unit in data.units
        for place, group in enumerate(scored_groups(unit.cases))
        for case in group
        if case.trusts(case.record.quality_name)
    }
    names = sliders([case.record for case in data.cases])
    return [
        {
            "key": case.key,
            "label": case.name,
            "ranked": case.key in groups,
            "group": groups.get(case.key, case.unit),
            "imprecise": case.record.trust("latency_p50_ns") == "caution",
            "worst": getattr(case.record.quantity("latency_p50_ns"), "hi", None),
            "facets": _facets(case),
            "values": {name: _bounded(case.record, name) for name in names},
            "shown": {name: _text(data, case, name) for name in names},
            "quality": case.record.trusted_quality,
            "quality_shown": f"{case.record.quality_kind.label} {_text(data, case, case.record.quality_name)}",
        }
        for case in data.cases
    ]


def _bounded(record: Record, name: str) -> float | None:
    """Return what a slider bounds; that of the quality of one task leaves the other tasks out."""
    return None if name == "quality" != record.quality_name else figures(record, ())[name]


def _facets(case: CaseView) -> dict[str, str]:
    """Return what a case can be filtered by; printable, since the page shows these texts and compares them."""
    identity = case.record.case
    facets = {
        "target": case.unit,
        "model": identity.model,
        "compression": identity.compression,
        "runtime": identity.runtime,
        "scenario": case.load,
        "verdict": case.record.verdict.status,
    }
    return {name: printable(text) for name, text in facets.items()}


def _text(data: ReportData, case: CaseView, name: str) -> str:
    value = data.show(case.record, name)
    return value.text if value.missing else f"{value.text} {data.scales[name].unit}".strip()


def _filters(data: ReportData) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Return (facet, title, [(value, number of cases)]) of every facet with more than one value."""
    titles = {"target": "Target", "model": "Model", "compression": "Compression", "runtime": "Runtime",
              "scenario": "Scenario", "verdict": "Verdict"}  # fmt: skip
    facets = [_facets(case) for case in data.cases]
    filters = []
    for name, title in titles.items():
        counts: dict[str, int] = {}
        for facet in facets:
            counts[facet[name]] = counts.get(facet[name], 0) + 1
        if len(counts) > 1:
            filters.append((name, title, list(counts.items())))
    return filters


_PLOT = re.compile(r'<script type="application/json" id="([\w.-]+)-json">(\{"data":[^<]*)</script>')
_DOWNLOAD = re.compile(r'download="([\w.-]+)" href="data:[\w/.+-]+;base64,([\w+/=]*)"')
_PARTS = ("assets", "data", "downloads")
_GENERATOR = '<meta name="generator" content="edgebench">'


def build_folder(data: ReportData, out: Path) -> Path:
    """Write the report as a folder and return the path of its index.html.

    The folder holds index.html, assets/, data/ and downloads/; raw samples are in downloads/ as Parquet, or as
    compressed CSV without pyarrow. The parts of an older report are removed first.

    Raises:
        UsageError: `out` is a file, or a folder that holds something other than a report.

    """
    _clear(out)
    samples = write_samples(data, out / "downloads")
    html = build_html(replace(data, samples_file=f"downloads/{samples.name}" if samples else ""), linked=True)
    html = _PLOT.sub(lambda match: _move_plot(out, match[1], match[2]), html)
    html = _DOWNLOAD.sub(lambda match: _move_download(out, match[1], match[2]), html)
    for name in (STYLE, *SCRIPTS):
        (out / "assets" / name).write_text(read_asset(name), encoding="utf-8")
    write_atomic(out / "index.html", html.encode("utf-8", "replace"))
    return out / "index.html"


def _clear(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "give a folder for --layout folder")
    if out.is_dir() and any(out.iterdir()) and not _is_report(out / "index.html"):
        raise UsageError(f"{out} contains other files", "give a new or empty folder")
    for part in _PARTS:
        if (out / part).is_dir():
            shutil.rmtree(out / part)
        (out / part).mkdir(parents=True)


def _is_report(index: Path) -> bool:
    return index.is_file() and _GENERATOR in index.read_text(encoding="utf-8", errors="replace")[:4000]


def _move_plot(out: Path, name: str, figure: str) -> str:
    """Write a figure as a script and return what replaces it in the page: nothing, since `data-figure` names it."""
    (out / "data" / f"{name}.js").write_text(f"edgebench.figure({json.dumps(name)}, {figure});\n", encoding="utf-8")
    return ""


def _move_download(out: Path, name: str, content: str) -> str:
    (out / "downloads" / name).write_bytes(base64.b64decode(content))
    return f'download="{name}" href="downloads/{name}"'
