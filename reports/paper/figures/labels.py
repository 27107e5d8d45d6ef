"""Labels beside points of a plot, placed so that they cover neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .boxes import Box, Line, Page, Place, Point
from .style import GREY

_PADDING_PT = 1.0
_FONT_SIZE = 6.0
_HALO_PT = 1.5


@dataclass(frozen=True)
class Label:
    """A text for a point, in the units of the axes."""

    x: float
    y: float
    text: str


def add_labels(axes: Any, labels: Sequence[Label], points: Sequence[Point], lines: Sequence[Line] = ()) -> list[Label]:
    """Write the labels beside their points; return those for which there is no good place.

    Args:
        axes: The axes, complete but for the labels: their limits and the layout of the figure must be final.
        labels: The labels.
        points: All points of the plot, which no label covers.
        lines: Straight lines of the plot, which labels avoid if they can.

    """
    figure = axes.figure
    figure.draw_without_rendering()
    scale = 72.0 / figure.dpi

    def on_page(point: Point) -> Point:
        horizontal, vertical = axes.transData.transform(point)
        return float(horizontal) * scale, float(vertical) * scale

    edges = axes.get_window_extent()
    frame = Box(edges.x0 * scale, edges.y0 * scale, edges.x1 * scale, edges.y1 * scale)
    page = Page(frame, [*map(on_page, points)], [(on_page(start), on_page(end)) for start, end in lines])
    wanted = [(on_page((label.x, label.y)), *_size(axes, label.text, scale)) for label in labels]
    places = page.arrange(wanted)
    for label, place in zip(labels, places, strict=True):
        if place is not None:
            _write(axes, label, place)
    return [label for label, place in zip(labels, places, strict=True) if place is None]


def _size(axes: Any, text: str, scale: float) -> tuple[float, float]:
    """Return the width and height of a text in points, with a padding."""
    probe = axes.text(0, 0, text, fontsize=_FONT_SIZE, transform=None)
    extent = probe.get_window_extent(axes.figure.canvas.get_renderer())
    probe.remove()
    return extent.width * scale + 2 * _PADDING_PT, extent.height * scale + 2 * _PADDING_PT


def _write(axes: Any, label: Label, place: Place) -> None:
    from matplotlib.patheffects import Normal, Stroke

    offset = _minus(place.centre, place.point)
    text = axes.annotate(
        label.text, (label.x, label.y), offset, textcoords="offset points", ha="center", va="center",
        fontsize=_FONT_SIZE, zorder=5,
    )  # fmt: skip
    text.set_path_effects([Stroke(linewidth=_HALO_PT, foreground="white"), Normal()])
    if place.leader:
        line = {"arrowstyle": "-", "linewidth": 0.4, "color": GREY, "shrinkA": 0.0, "shrinkB": 2.5}
        start = _minus(place.leader[0], place.point)
        axes.annotate("", (label.x, label.y), start, textcoords="offset points", arrowprops=line, zorder=4)


def _minus(a: Point, b: Point) -> Point:
    return a[0] - b[0], a[1] - b[1]
