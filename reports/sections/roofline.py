"""Arithmetic actually done in a second, against how much of it a byte of weights allows."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ..data import CaseView, ReportData
from ..numbers import plain
from ..plots import axis, colour_of, figure_json, symbol_of
from ..section import Absent, Figure, Section, body


def render(data: ReportData) -> Markup | Absent:
    """The achieved rate of every trusted case whose multiply-accumulates are known."""
    cases = [case for case in data.cases if case.trusted and _rate(case)]
    if not cases:
        return Absent("nobody counted the multiply-accumulates (MACs) of these nets, so there is no rate to draw")
    return body("figures.html", figures=[_figure(data, cases)], lead="")


def _rate(case: CaseView) -> float | None:
    """10^9 MAC/s: MACs of one inference times the batch over its median time in ns."""
    artifact, latency = case.record.artifact, case.record.value("latency_p50_ns")
    if artifact is None or not artifact.macs or not artifact.size_bytes or not latency:
        return None
    return artifact.macs * case.record.case.batch / latency


def _intensity(case: CaseView) -> float:
    """MACs per byte of the model file: an upper bound of the intensity, since activations move too."""
    artifact = case.record.artifact
    return 0.0 if artifact is None or not artifact.macs else artifact.macs / artifact.size_bytes


def _figure(data: ReportData, cases: Sequence[CaseView]) -> Figure:
    colours = colour_of([case.record.case.compression for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    groups: dict[tuple[str, str], list[CaseView]] = {}
    for case in cases:
        groups.setdefault((case.record.case.compression, case.record.case.runtime), []).append(case)
    traces = [{
        "type": "scatter", "mode": "markers", "name": str(Markup("{} · {}").format(*names)),
        "x": [_intensity(case) for case in group], "y": [_rate(case) for case in group],
        "customdata": [case.key for case in group], "hovertext": [str(Markup("{}").format(c.label)) for c in group],
        "hovertemplate": "%{hovertext}<br>%{y:.3~g} GMAC/s<extra></extra>",
        "marker": {"size": 10, "color": colours[names[0]], "symbol": symbols[names[1]]},
    } for names, group in groups.items()]  # fmt: skip
    best = max(cases, key=lambda case: _rate(case) or 0.0)
    return Figure(
        "roofline-plot",
        "Achieved arithmetic rate",
        figure_json(
            traces,
            xaxis=axis("Arithmetic intensity (MAC per byte of model file)", type="log"),
            yaxis=axis("Rate (GMAC/s)", "higher", type="log"),
        ),
        f"The highest rate, {plain(_rate(best) or 0.0)} GMAC/s, is that of {best.label}.",
        "There is no roof in this plot: the record holds no measured peak of the machine. A setting that halves the bytes "
        "without raising the rate is not limited by memory.",
        ("Case", "MAC per byte", "GMAC/s"),
        [[case.label, plain(_intensity(case)), plain(_rate(case) or 0.0)] for case in cases],
        height=320,
    )


SECTION = Section("roofline", "Roofline", 100, render)
