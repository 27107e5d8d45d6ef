"""Runs in, one self-contained HTML file out.

`--layout folder`: the same page with its scripts, plots and downloads beside it instead of inside.

The page stays complete without JavaScript and opens from file://, where a script element may load what fetch() may
not: every plot is a small script that hands its figure over when the reader comes near it.
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

from harness.core.errors import UsageError, in_words
from harness.core.files import write_whole
from harness.core.plugins import load_all

from .data import CaseView, ReportData, Reset, RunReader, gather
from .recommend import SLIDERS, figures, scored_cases
from .samples import write_samples
from .section import Absent, Section, json_for_html, read_asset, render_template

_log = logging.getLogger(__name__)

SCRIPTS = ("plotly-cartesian.min.js", "report.js")
STYLE = "report.css"

_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data: blob:; "
    "style-src {style}; script-src {script}"
)
_FOLDER = "'self' file:"  # a page from file:// has no origin that 'self' could be


@dataclass(frozen=True)
class Rendered:
    """A section with its HTML, or with why it has none."""

    section: Section
    html: Markup | None
    absent: Absent | None


def build(
    runs: Sequence[RunReader], out: Path, baseline: RunReader | None = None, resets: Sequence[Reset] = ()
) -> Path:
    """Write the report of these runs to `out` (a file) and return it.

    RecordError when a run's header cannot be read; damaged records are shown as such in the report.
    """
    return write(gather(runs, baseline, resets), out)


def write(data: ReportData, out: Path) -> Path:
    """Write the page to the file `out` and return it."""
    html = build_html(data)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html.encode("utf-8", "replace"))
    return out


def build_html(data: ReportData, linked: bool = False) -> str:
    """The whole page; its styles and scripts inside, or `linked` from the folder assets/ beside it."""
    return render_template(
        "report.html",
        data=data,
        sections=[_render(section, data) for section in sections()],
        linked=linked,
        policy=Markup(linked_policy() if linked else policy()),  # noqa: S704 - holds quotes, and nothing of a run
        style=Markup(read_asset(STYLE)),  # noqa: S704 - our own file
        style_name=STYLE,
        scripts=[(name, Markup(read_asset(name))) for name in SCRIPTS],  # noqa: S704 - our own files
        cases=json_for_html(json.dumps(_for_script(data), allow_nan=False, separators=(",", ":"))),
        filters=_filters(data),
    )


def sections() -> list[Section]:
    """Every registered section in the order of the page."""
    found: list[Section] = list(load_all("sections").values())
    return sorted(found, key=lambda section: (section.order, section.name))


def _render(section: Section, data: ReportData) -> Rendered:
    """The section; one that fails, a plug-in's perhaps, is shown as such and takes no other along."""
    try:
        made = section.render(data)
    except Exception as error:
        _log.warning("the report section '%s' is left out: %s", section.name, in_words(error))
        _log.debug("", exc_info=True)
        made = Absent(f"the section failed: {in_words(error)}", "edgebench report RUN --verbose shows where")
    return Rendered(section, None, made) if isinstance(made, Absent) else Rendered(section, made, None)


@cache
def policy() -> str:
    """The page's content security policy: its own scripts, by their hash, and not even one that slipped through."""
    digests = (hashlib.sha256(read_asset(name).encode()).digest() for name in SCRIPTS)
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return _POLICY.format(style="'unsafe-inline'", script=hashes)


def linked_policy() -> str:
    """The same for a page with its files beside it: scripts from there, none within the page."""
    return _POLICY.format(style=f"'unsafe-inline' {_FOLDER}", script=_FOLDER)


def _for_script(data: ReportData) -> list[dict[str, Any]]:
    """What filters and sliders need of every case. `ranked`: it may stand on the front and be recommended."""
    ranked = {case.key for case in scored_cases(data.cases) if case.trusted}
    return [
        {
            "key": case.key,
            "label": case.label,
            "ranked": case.key in ranked,
            "facets": _facets(case),
            "values": {name: figures(case.record, ())[name] for name in SLIDERS},
            "shown": {name: _shown(data, case, name) for name in SLIDERS},
        }
        for case in data.cases
    ]


def _facets(case: CaseView) -> dict[str, str]:
    one = case.record.case
    return {"target": case.record.target, "model": one.model, "compression": one.compression, "runtime": one.runtime,
            "scenario": case.load, "verdict": case.record.verdict.status}  # fmt: skip


def _shown(data: ReportData, case: CaseView, name: str) -> str:
    shown = data.show(case.record, name)
    return shown.text if shown.missing else f"{shown.text} {data.scales[name].unit}".strip()


def _filters(data: ReportData) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """(facet, title, [(value, number of cases)]) of every facet in which the cases differ."""
    titles = {"target": "Target", "model": "Model", "compression": "Compression", "runtime": "Runtime",
              "scenario": "Scenario", "verdict": "Verdict"}  # fmt: skip
    facets = [_facets(case) for case in data.cases]
    found = []
    for name, title in titles.items():
        counts: dict[str, int] = {}
        for facet in facets:
            counts[facet[name]] = counts.get(facet[name], 0) + 1
        if len(counts) > 1:
            found.append((name, title, list(counts.items())))
    return found


_PLOT = re.compile(r'<script type="application/json" id="([\w.-]+)-json">(\{"data":[^<]*)</script>')
_DOWNLOAD = re.compile(r'download="([\w.-]+)" href="data:[\w/.+-]+;base64,([\w+/=]*)"')
_PARTS = ("assets", "data", "downloads")
_OURS = '<meta name="generator" content="edgebench">'


def build_folder(data: ReportData, out: Path) -> Path:
    """Write index.html, assets/, data/ and downloads/ into `out` and return index.html.

    Raw samples lie in downloads/ as Parquet, or as compressed CSV without pyarrow. UsageError when `out` is a file or
    a folder that holds something else: an older report's parts are removed first.
    """
    _clear(out)
    samples = write_samples(data, out / "downloads")
    html = build_html(replace(data, samples_file=f"downloads/{samples.name}" if samples else ""), linked=True)
    html = _PLOT.sub(lambda found: _put_plot(out, found[1], found[2]), html)
    html = _DOWNLOAD.sub(lambda found: _put_download(out, found[1], found[2]), html)
    for name in (STYLE, *SCRIPTS):
        (out / "assets" / name).write_text(read_asset(name), encoding="utf-8")
    write_whole(out / "index.html", html.encode("utf-8", "replace"))
    return out / "index.html"


def _clear(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "give a folder for --layout folder")
    if out.is_dir() and any(out.iterdir()) and not _is_ours(out / "index.html"):
        raise UsageError(f"{out} is a folder with other files in it", "give a new or empty folder")
    for part in _PARTS:
        if (out / part).is_dir():
            shutil.rmtree(out / part)
        (out / part).mkdir(parents=True)


def _is_ours(index: Path) -> bool:
    return index.is_file() and _OURS in index.read_text(encoding="utf-8", errors="replace")[:4000]


def _put_plot(out: Path, name: str, figure: str) -> str:
    """The figure's JSON as a script, and nothing in its place: `data-figure` names it."""
    (out / "data" / f"{name}.js").write_text(f"edgebench.figure({json.dumps(name)}, {figure});\n", encoding="utf-8")
    return ""


def _put_download(out: Path, name: str, content: str) -> str:
    (out / "downloads" / name).write_bytes(base64.b64decode(content))
    return f'download="{name}" href="downloads/{name}"'
