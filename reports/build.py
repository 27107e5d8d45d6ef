"""Runs in, one self-contained HTML file out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from harness.core.plugins import load_all
from harness.store.files import write_whole
from harness.store.runfolder import RunFolder

from .data import CaseView, ReportData, gather
from .front import scored
from .page import asset, json_for_html, render
from .recommend import SLIDERS, figures
from .section import Absent, Section

_SCRIPTS = ("plotly-cartesian.min.js", "report.js")


@dataclass(frozen=True)
class Rendered:
    """A section with its HTML, or with why it has none."""

    section: Section
    html: Markup | None
    absent: Absent | None


def build(runs: Sequence[RunFolder], out: Path, baseline: RunFolder | None = None) -> Path:
    """Write the report of these runs to `out` (a file) and return it.

    RecordError when a run's header cannot be read; damaged records are shown as such in the report.
    """
    html = build_html(gather(runs, baseline))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, html.encode("utf-8", "replace"))
    return out


def build_html(data: ReportData) -> str:
    """The whole page."""
    scripts = [Markup(asset(name)) for name in _SCRIPTS]  # noqa: S704 - our own files
    return render(
        "report.html",
        data=data,
        sections=[_render(section, data) for section in sections()],
        style=Markup(asset("report.css")),  # noqa: S704 - our own file
        scripts=scripts,
        hashes=[_csp_hash(script) for script in scripts],
        cases=json_for_html(json.dumps(_for_script(data), allow_nan=False, separators=(",", ":"))),
        filters=_filters(data),
    )


def sections() -> list[Section]:
    """Every registered section in the order of the page."""
    found: list[Section] = list(load_all("sections").values())
    return sorted(found, key=lambda section: (section.order, section.name))


def _render(section: Section, data: ReportData) -> Rendered:
    made = section.render(data)
    return Rendered(section, None, made) if isinstance(made, Absent) else Rendered(section, made, None)


def _csp_hash(script: str) -> str:
    """The page's policy allows these scripts by their hash and no other: not even one that slipped through escaping."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _for_script(data: ReportData) -> list[dict[str, Any]]:
    """What filters and sliders need of every case. `ranked`: it may stand on the front and be recommended."""
    ranked = {case.key for case in scored(data.cases) if case.trusted}
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
