"""Plotly figures as JSON. Colours of the theme are set in the browser, from the style of the page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup

from harness.core.printable import printable
from reports.section import LegendEntry, json_for_html

from .ticks import log_ticks

# The first eight are distinct for all kinds of colour vision; all have a contrast of 3:1 in both themes.
# Even so, colour is never the only difference.
COLOURS = (
    *("#2b7cd3", "#d9680b", "#12958a", "#8a63d2", "#c2478f", "#8a8f00", "#b0563f", "#5b7fa6"),
    *("#3f8f2f", "#d0353c", "#8a6a3a", "#0f86a8", "#a05fa8", "#6a6fe0"),
)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down")
GREY = "#8b93a1"
_FEWEST_TICKS = 4  # on a logarithmic axis: with fewer its steps are guessed
DASHES = ("solid", "dot", "dash", "dashdot", "longdash")


def colour_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour per name, in order; colours repeat after fourteen names."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(dict.fromkeys(names))}


def symbol_of(names: Sequence[str]) -> dict[str, str]:
    """Return a marker per name, in order."""
    return {name: SYMBOLS[index % len(SYMBOLS)] for index, name in enumerate(dict.fromkeys(names))}


def dash_of(names: Sequence[str]) -> dict[str, str]:
    """Return a line style per name, in order."""
    return {name: DASHES[index % len(DASHES)] for index, name in enumerate(dict.fromkeys(names))}


def figure_json(traces: Sequence[Mapping[str, Any]], **layout: Any) -> Markup:
    """Return a figure as JSON for HTML, with printable texts, validated and encoded by plotly (arrays as binary)."""
    defaults = {"template": "none", "margin": {"l": 62, "r": 16, "t": 12, "b": 52}, "hovermode": "closest"}
    figure = go.Figure(_printable(list(traces)), _printable({**defaults, "showlegend": False, **layout}))
    return json_for_html(str(figure.to_json()))


def _printable(part: Any) -> Any:
    """Return a part of a figure with every text in it printable."""
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, Mapping):
        return {name: _printable(value) for name, value in part.items()}
    return [_printable(each) for each in part] if isinstance(part, (list, tuple)) else part


def axis(title: str, better: str = "none", **more: Any) -> dict[str, Any]:
    """Return an axis whose title has an arrow to the better end."""
    arrow = {"lower": "  ← better", "higher": "  better →"}.get(better, "")
    return {"title": {"text": title + arrow, "standoff": 8}, "automargin": True, **more}


def log_axis(title: str, values: Sequence[float], better: str = "none") -> dict[str, Any]:
    """Return a logarithmic axis with its ticks written out, because plotly's own drop the leading digits."""
    positive = [value for value in values if value > 0]
    if not positive:
        return axis(title, better)
    ticks = log_ticks(min(positive), max(positive), _FEWEST_TICKS)
    return axis(_with_scale(title), better, type="log", tickvals=ticks, ticktext=[f"{tick:,.10g}" for tick in ticks])


def _with_scale(title: str) -> str:
    """Return 'Latency (ms, log scale)' for 'Latency (ms)'."""
    return f"{title[:-1]}, log scale)" if title.endswith(")") else f"{title} (log scale)"


def legend_entries(colours: Mapping[str, str], symbols: Mapping[str, str] | None = None) -> list[LegendEntry]:
    """Return the legend of colours and of symbols, separately: their product would fill the page."""
    return [
        *(LegendEntry(name, colour) for name, colour in colours.items()),
        *(LegendEntry(name, GREY, symbol) for name, symbol in (symbols or {}).items()),
    ]


def quantiles(samples: npt.ArrayLike, points: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return (values, shares) of the empirical distribution at `points` quantiles.

    A fifth of them lie beyond the 99th percentile: evenly spaced quantiles would lose the tail.
    """
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    tail = max(points // 5, 2)
    shares = np.concatenate([np.linspace(0.0, 0.99, points - tail, endpoint=False), np.linspace(0.99, 1.0, tail)])
    values = np.quantile(ordered, shares, method="inverted_cdf")
    return values.astype(np.float32), shares.astype(np.float32)


def downsample(samples: npt.ArrayLike, points: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return (indices, values) of at most `points` samples: the ends of every bucket, so that no spike is lost."""
    values = np.asarray(samples, dtype=np.float64)
    if values.size <= points:
        return np.arange(values.size, dtype=np.int32), values.astype(np.float32)
    edges = np.linspace(0, values.size, max(points // 2, 1) + 1).astype(int)
    indices = [
        start + offset
        for start, end in itertools.pairwise(edges)
        for offset in sorted({int(values[start:end].argmin()), int(values[start:end].argmax())})
    ]
    return np.array(indices, dtype=np.int32), values[indices].astype(np.float32)
