"""Roofline: achieved arithmetic rate against arithmetic intensity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.hardware.roofline import Roof
from harness.core.quantity import Missing
from reports.data import CaseView, ReportData, Unit
from reports.figures.plots import DASHES, GREY, colour_of, figure_json, legend_entries, log_axis, symbol_of
from reports.numbers import counted, format_number
from reports.section import Absent, Figure, LegendEntry, Section, figures_html


def render(data: ReportData) -> Markup | Absent:
    """Render the rates on each piece of hardware, of cases with a trusted latency and a known count of MACs."""
    cases = [(unit, [case for case in unit.cases if _rate(case)]) for unit in data.units]
    figures = [_figure(data, unit, rated, index) for index, (unit, rated) in enumerate(cases) if rated]
    if not figures:
        return Absent("the multiply-accumulates (MACs) of these models are unknown, so there is no rate to draw")
    return figures_html(figures)


def _rate(case: CaseView) -> float | None:
    """Return the rate in 10^9 MAC/s: MACs of an inference times the batch size over its median time in ns.

    None outside SingleStream, where latency includes waiting, or other queries share the processor.
    """
    if case.record.case.scenario != "SingleStream":
        return None
    artifact, latency = case.record.artifact, case.record.trusted_value("latency_p50_ns")
    if artifact is None or not artifact.macs or not artifact.size_bytes or not latency:
        return None
    return artifact.macs * case.record.case.batch / latency


def _intensity(case: CaseView) -> float:
    """Return MACs per byte of the model file: an upper bound of the intensity, since activations move too."""
    artifact = case.record.artifact
    return 0.0 if artifact is None or not artifact.macs else artifact.macs / artifact.size_bytes


def _roofs(unit: Unit, cases: Sequence[CaseView]) -> list[Roof]:
    """Return the measured peaks of the newest run for every thread count in use; none if it has no roofline."""
    roofline = unit.newest.header.roofline
    if isinstance(roofline, Missing):
        return []
    return [roofline.at(threads) for threads in sorted({case.record.case.threads for case in cases})]


def _lines(roofs: Sequence[Roof], cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    """Return each roof as a line, rising at the memory bandwidth and then flat at the arithmetic peak."""
    intensities = [_intensity(case) for case in cases]
    lines: list[dict[str, Any]] = []
    for roof, dash in zip(roofs, DASHES * len(roofs), strict=False):
        flat, slope = roof.flops_per_s / 2e9, roof.bytes_per_s / 1e9
        x = sorted({min(*intensities, flat / slope) / 2, flat / slope, max(*intensities, flat / slope) * 2})
        lines.append({
            "type": "scatter", "mode": "lines", "name": _peak_name(roof),
            "x": x, "y": [min(flat, slope * intensity) for intensity in x], "hoverinfo": "skip",
            "line": {"color": GREY, "dash": dash, "width": 1.5},
        })  # fmt: skip
    return lines


def _peak_name(roof: Roof) -> str:
    return f"peak, {counted(roof.threads, 'thread')}"


def _peak(roof: Roof) -> str:
    """Return the peaks in words."""
    rates = f"{format_number(roof.flops_per_s / 2e9)} GMAC/s in fp32, {format_number(roof.bytes_per_s / 1e9)} GB/s"
    return f"Peak with {counted(roof.threads, 'thread')}: {rates}"


def _how(unit: Unit, roofs: Sequence[Roof]) -> str:
    if not roofs:
        roofline = unit.newest.header.roofline
        reason = roofline.reason if isinstance(roofline, Missing) else "there is no case to draw it for"
        return (
            f"There is no roof in this plot: {reason}. If a setting halves the bytes without raising the rate, "
            "memory is not the limit."
        )
    return (
        "The grey line is the limit of this machine: flat where arithmetic is the limit (measured with an fp32 matrix "
        "product; int8 and fp16 can exceed it), rising where weights must be read from memory each time (models that "
        "stay in the cache can exceed it). A point far below the line loses its time elsewhere."
    )


def _figure(data: ReportData, unit: Unit, cases: Sequence[CaseView], index: int) -> Figure:
    roofs = _roofs(unit, cases)
    lines, points = _lines(roofs, cases), _points(data, cases)
    best = max(cases, key=lambda case: _rate(case) or 0.0)
    return Figure(
        f"roofline-plot-{index}" if index else "roofline-plot",
        "Achieved arithmetic rate" + (f" on {unit.name}" if data.several_units else ""),
        figure_json(
            [*lines, *points],
            xaxis=log_axis("Intensity (MAC per byte of model file)", _values(lines + points, "x")),
            yaxis=log_axis("Rate (GMAC/s)", _values(lines + points, "y"), "higher"),
        ),
        f"{best.name} has the highest rate: {format_number(_rate(best) or 0.0)} GMAC/s."
        + "".join(f" {_peak(roof)}." for roof in roofs),
        _how(unit, roofs),
        ("Case", "MAC per byte", "GMAC/s"),
        [[case.name, format_number(_intensity(case)), format_number(_rate(case) or 0.0)] for case in cases],
        height=340,
        legend=_legend(data, cases, roofs),
    )


def _values(traces: Sequence[dict[str, Any]], axis: str) -> list[float]:
    return [value for trace in traces for value in trace[axis]]


def _legend(data: ReportData, cases: Sequence[CaseView], roofs: Sequence[Roof]) -> list[LegendEntry]:
    names = [
        LegendEntry(_peak_name(roof), GREY, dash=dash) for roof, dash in zip(roofs, DASHES * len(roofs), strict=False)
    ]
    colours = colour_of([case.record.case.compression for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    settings, runtimes = ({getattr(case.record.case, name): 0 for case in cases} for name in ("compression", "runtime"))
    return [*names, *legend_entries({n: colours[n] for n in settings}, {n: symbols[n] for n in runtimes})]


def _points(data: ReportData, cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    colours = colour_of([case.record.case.compression for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    groups: dict[tuple[str, str], list[CaseView]] = {}
    for case in cases:
        groups.setdefault((case.record.case.compression, case.record.case.runtime), []).append(case)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": str(Markup("{} · {}").format(*names)),
            "x": [_intensity(case) for case in group],
            "y": [_rate(case) for case in group],
            "customdata": [case.key for case in group],
            "hovertext": [str(Markup("{}").format(case.name)) for case in group],
            "hovertemplate": "%{hovertext}<br>%{y:.3~g} GMAC/s<extra></extra>",
            "marker": {"size": 10, "color": colours[names[0]], "symbol": symbols[names[1]]},
        }
        for names, group in groups.items()
    ]


PLUGINS: tuple[Section, ...] = (Section("roofline", "Roofline", 100, render),)
