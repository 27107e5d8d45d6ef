"""Points of accuracy against latency: colour is the setting, symbol the model, and size energy or bytes.

Where there is one model only, the symbol is the runtime.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.section import LegendEntry

from .plots import GREY, colour_of, legend_entries, symbol_of

_SMALLEST, _LARGEST = 8.0, 20.0

_LOOKS = {"dot": "with a dot: imprecise, use with caution", "open": "hollow: not trusted"}
"""What a marker says of its case, by the end of its name in plotly."""


def scatter_legend(data: ReportData, cases: Sequence[CaseView]) -> list[LegendEntry]:
    """Return the legend: the front, settings and models of these cases, and what a special marker means."""
    colours, symbols = _styles(data)
    settings, named = (
        {case.record.case.compression: 0 for case in cases},
        {_symbol_name(data, case): 0 for case in cases},
    )
    looks = {_look(case) for case in cases}
    special = [LegendEntry(text, GREY, look) for look, text in _LOOKS.items() if look in looks]
    shown = legend_entries({name: colours[name] for name in settings}, {name: symbols[name] for name in named})
    return [LegendEntry("Pareto front", GREY, dash="solid"), *shown, *special]


def tags(cases: Sequence[CaseView]) -> dict[str, list[str]]:
    """Return a name and a shorter one per case by its key, of the parts in which the cases differ.

    Plotly interprets some tags in them, so names are escaped.
    """
    identities = {case.key: case.record.case for case in cases}
    parts = [
        {key: str(getattr(identity, name)) for key, identity in identities.items()}
        for name in ("model", "compression", "runtime")
    ]
    parts.append({key: f"t{identity.threads}" for key, identity in identities.items()})
    differing = [part for part in parts if len(set(part.values())) > 1]
    return {
        key: [str(Markup("{}").format(" · ".join(part[key] for part in some))) for some in (differing, differing[:1])]
        for key in identities
    }


def front_line(data: ReportData, on_front: Sequence[CaseView], cases: Sequence[CaseView], unit: str) -> dict[str, Any]:
    """Return the front of a piece of hardware as a step line; the script finds it by its `meta` and labels its points.

    Args:
        data: The report.
        on_front: The cases on the front.
        cases: All cases of the plot: the sliders may put any of them on the front.
        unit: Name of the piece of hardware.
    """
    points = sorted(point(data, case) for case in on_front)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"shape": "hv", "width": 2, "color": GREY},
        "hoverinfo": "skip",
        "meta": {"front": unit, "tags": tags(cases)},
    }


def markers(data: ReportData, cases: Sequence[CaseView], size: str) -> list[dict[str, Any]]:
    """Return one trace per compression and symbol; the area of a marker grows with metric `size`."""
    largest = max((case.record.value(size) or 0.0 for case in cases), default=0.0)
    groups: dict[tuple[str, str], list[CaseView]] = {}
    for case in cases:
        groups.setdefault((case.record.case.compression, _symbol_name(data, case)), []).append(case)
    return [_trace(data, group, size, largest) for group in groups.values()]


def point(data: ReportData, case: CaseView) -> tuple[float, float]:
    """Return the latency and the quality in the scales of the report."""
    names = ("latency_p50_ns", case.record.quality_name)
    latency, quality = ((case.record.value(name) or 0.0) * data.scales[name].factor for name in names)
    return latency, quality


def _symbol_name(data: ReportData, case: CaseView) -> str:
    """Return what the symbol of a case stands for: its model, or its runtime where there is one model only."""
    several = len({other.record.case.model for other in data.cases}) > 1
    return case.record.case.model if several else case.record.case.runtime


def _styles(data: ReportData) -> tuple[dict[str, str], dict[str, str]]:
    settings = [case.record.case.compression for case in data.cases]
    return colour_of(settings), symbol_of([_symbol_name(data, case) for case in data.cases])


def _trace(data: ReportData, group: Sequence[CaseView], size: str, largest: float) -> dict[str, Any]:
    colours, symbols = _styles(data)
    compression, named = group[0].record.case.compression, _symbol_name(data, group[0])
    colour, symbol = colours[compression], symbols[named]
    points = [point(data, case) for case in group]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": str(Markup("{} · {}").format(compression, named)),
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "customdata": [case.key for case in group],
        "hovertext": [_hover(data, case) for case in group],
        "hoverinfo": "text",
        "error_x": _bars(data, group, "latency_p50_ns", colour),
        "error_y": _bars(data, group, group[0].record.quality_name, colour),
        "marker": {
            "color": colour,
            "size": [_diameter(case.record.value(size), largest) for case in group],
            "symbol": [f"{symbol}-{_look(case)}".removesuffix("-") for case in group],
            "opacity": 0.9,
            "line": {"width": 1.5, "color": ["#fff" if _look(case) == "dot" else colour for case in group]},
        },
    }


def _look(case: CaseView) -> str:
    """Return 'open' where latency or quality is not trusted, 'dot' where the latency is imprecise, else ''."""
    levels = {case.record.trust(name) for name in ("latency_p50_ns", case.record.quality_name)}
    return "open" if "none" in levels else "dot" if "caution" in levels else ""


def _diameter(value: float | None, largest: float) -> float:
    """Return a diameter whose square grows with the value; the smallest one without a value."""
    if value is None or largest <= 0:
        return _SMALLEST
    return _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(value / largest)


def _bars(data: ReportData, group: Sequence[CaseView], name: str, colour: str) -> dict[str, Any]:
    """Return the intervals as pale error bars: on a noisy machine opaque ones would hide the points."""
    factor = data.scales[name].factor
    ups, downs = [], []
    for case in group:
        quantity = case.record.quantity(name)
        value, lo, hi = (getattr(quantity, part, None) for part in ("value", "lo", "hi"))
        ups.append(0.0 if hi is None or value is None else max(hi - value, 0.0) * factor)
        downs.append(0.0 if lo is None or value is None else max(value - lo, 0.0) * factor)
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return {"type": "data", "symmetric": False, "array": ups, "arrayminus": downs, "thickness": 1, "width": 0,
            "color": f"rgba({red},{green},{blue},0.4)"}  # fmt: skip


def _hover(data: ReportData, case: CaseView) -> str:
    """Return the hover text. Plotly interprets some tags in it, so names are escaped here as well."""
    lines = [Markup("<b>{}</b>").format(case.record.case.model), Markup("{}").format(case.setting)]
    quality = case.record.quality_name
    for name in ("latency_p50_ns", quality, "energy_net_j", "artifact_bytes"):
        title = case.record.quality_kind.title if name == quality else METRICS[name].title
        shown = data.show(case.record, name)
        unit = "" if shown.missing else data.scales[name].unit
        lines.append(Markup("{}: {}").format(title, shown.words(unit)))
    if look := _look(case):
        lines.append(Markup("{}: {}").format(_LOOKS[look].partition(": ")[2], case.record.verdict.status))
    return "<br>".join(str(line) for line in lines)
