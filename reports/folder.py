"""`--layout folder`: the same page with its scripts, plots and downloads beside it instead of inside.

The page stays complete without JavaScript and opens from file://, where a script element may load what fetch() may
not: every plot is a small script that hands its figure over when the reader comes near it.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.files import write_whole

from .build import SCRIPTS, STYLE, build_html
from .data import ReportData
from .page import asset
from .raw_samples import write_samples

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
        (out / "assets" / name).write_text(asset(name), encoding="utf-8")
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
