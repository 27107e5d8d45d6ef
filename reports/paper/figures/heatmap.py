"""Heat maps: model x compression and model x runtime, with the value and its ratio to a reference in each cell."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports.data import ReportData
from reports.figures.grid import Cell, Grid, View
from reports.numbers import counted
from reports.section import Absent
from reports.sections.heatmap import REFERENCE, compression_views
from reports.sections.runtimes import runtime_views

from .style import GREY, PALE, Drawn, drawable, new_figure

_TIMED = ("latency_p50_ns", "throughput_per_s")
_COLOURS = ("#0072b2", "#ffffff", "#d55e00")  # better, the same, worse: of Okabe and Ito
_RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the scale, whose ends have the full colour
_ROW_MM, _TITLE_MM, _SCALE_MM, _GAP_MM = 7.5, 5.0, 16.0, 3.0
_CHAR_MM = 1.3  # of a title of a row or column
_TITLES_SHARE = 0.4  # of the width, at most, for titles of rows
_TALLEST_MM = 230.0
_NARROWEST_MM = 7.5  # cell that holds its number
_TILT_DEGREES = 35
_VALUE_SIZE, _RATIO_SIZE = 6.5, 5.5
_DARK = 0.45  # luminance below which text is white
_REMARK = "*"


def draw(data: ReportData, width_mm: float) -> list[Drawn] | Absent:
    """Draw latencies, of Offline throughputs, by compression and by runtime."""
    first_runtime = next((case.record.case.runtime for case in data.cases), "")
    kinds = (
        ("heatmap", REFERENCE, compression_views(data, _TIMED)),
        ("heatmap-runtimes", first_runtime, runtime_views(data, _TIMED)),
    )
    drawn = [
        drawn_page
        for stem, reference, views in kinds
        for view in views
        for drawn_page in _drawn(
            view, stem if view.metric.name == _TIMED[0] else f"{stem}-throughput", reference, width_mm
        )
    ]
    return drawn or Absent("no case was completed")


def _drawn(view: View, name: str, reference: str, width_mm: float) -> Iterator[Drawn]:
    """Yield the figures of one metric, one per page."""
    for number, page in enumerate(_pages(view.grids, width_mm), 1):
        file = name if number == 1 else f"{name}-{number}"
        yield Drawn(file, _figure(view, page, reference, width_mm), _notes(page))


@dataclass(frozen=True)
class _Panel:
    """A table with its measures in millimetres."""

    grid: Grid
    width_mm: float

    @property
    def row_titles(self) -> list[str]:
        """Titles of the rows, which leave room for the cells."""
        longest = int(self.width_mm * _TITLES_SHARE / _CHAR_MM)
        return [drawable(row, longest) for row, _ in self.grid.rows]

    @property
    def cell_mm(self) -> float:
        """Width of a cell."""
        titles_mm = max(map(len, self.row_titles)) * _CHAR_MM
        return (self.width_mm - titles_mm - 4.0) / len(self.grid.columns)

    @property
    def tilted(self) -> bool:
        """Whether the titles of the columns are wider than the cells."""
        return max(map(len, self.grid.columns)) * _CHAR_MM > self.cell_mm

    @property
    def head_mm(self) -> float:
        """Height of the titles above the cells."""
        longest_mm = max(map(len, self.grid.columns)) * _CHAR_MM
        return _TITLE_MM + (longest_mm * math.sin(math.radians(_TILT_DEGREES)) + 2.0 if self.tilted else 3.0)

    @property
    def height_mm(self) -> float:
        """Height of the whole panel."""
        return len(self.grid.rows) * _ROW_MM + self.head_mm + _GAP_MM


def _pages(grids: Sequence[Grid], width_mm: float) -> Iterator[list[_Panel]]:
    """Yield the panels that fit a page together."""
    page: list[_Panel] = []
    for panel in (_Panel(grid, width_mm) for grid in grids):
        if page and sum(each.height_mm for each in [*page, panel]) > _TALLEST_MM - _SCALE_MM:
            yield page
            page = []
        page.append(panel)
    yield page


def _figure(view: View, page: Sequence[_Panel], reference: str, width_mm: float) -> Any:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    figure = new_figure(width_mm, sum(panel.height_mm for panel in page) + _SCALE_MM)
    colours = LinearSegmentedColormap.from_list("ratio", _COLOURS)
    rows = figure.add_gridspec(len(page), height_ratios=[len(panel.grid.rows) for panel in page])
    figure.get_layout_engine().set(h_pad=_GAP_MM / 2 / 25.4)
    most_columns = max(len(panel.grid.columns) for panel in page)
    all_axes = [figure.add_subplot(rows[index]) for index in range(len(page))]
    for axes, panel in zip(all_axes, page, strict=True):
        _panel(axes, panel, most_columns, colours)
    scale = figure.colorbar(
        ScalarMappable(Normalize(-1, 1), colours), ax=all_axes, location="bottom", fraction=0.04, aspect=40, pad=0.02
    )
    sign = 1 if view.metric.better == "lower" else -1
    labels = [f"\N{MULTIPLICATION SIGN}{ratio:g}" for ratio in _RATIOS[::sign]]
    scale.set_ticks([-1, -0.5, 0, 0.5, 1], labels=labels)
    scale.outline.set_visible(False)
    scale.set_label(f"{view.metric.title} ({view.scale.unit})\nand its ratio to {drawable(reference)}")
    return figure


def _panel(axes: Any, panel: _Panel, most_columns: int, colours: Any) -> None:
    """Draw one table; cells are as wide as in a table with `most_columns`."""
    grid = panel.grid
    axes.set(xlim=(0, most_columns), ylim=(len(grid.rows), 0))
    for row, (_, cells) in enumerate(grid.rows):
        for column, cell in enumerate(cells):
            if cell is not None:
                _cell(axes, (column, row), cell, colours)
    tilt = {"rotation": _TILT_DEGREES, "ha": "left", "va": "bottom", "rotation_mode": "anchor"} if panel.tilted else {}
    axes.xaxis.tick_top()
    axes.set_xticks([index + 0.5 for index in range(len(grid.columns))], map(drawable, grid.columns), **tilt)
    axes.set_yticks([index + 0.5 for index in range(len(grid.rows))], panel.row_titles)
    axes.set_title(drawable(grid.name), loc="left", fontweight="bold")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _cell(axes: Any, place: tuple[int, int], cell: Cell, colours: Any) -> None:
    """Draw one cell: hatched if it cannot be trusted, with the sign of its verdict if it has no value."""
    from matplotlib.patches import Rectangle

    column, row = place
    fill = colours((cell.tint + 1) / 2) if cell.trusted else "white"
    hatch = None if cell.trusted or cell.shown.missing else "/////"
    axes.add_patch(Rectangle(place, 1, 1, facecolor=fill, edgecolor=PALE, linewidth=0.5, hatch=hatch, clip_on=False))
    ink = "white" if cell.trusted and _luminance(colours((cell.tint + 1) / 2)) < _DARK else "black"
    has_ratio = "\N{MULTIPLICATION SIGN}" in cell.relative
    text = _sign(cell) if cell.shown.missing else cell.shown.text + (_REMARK if cell.remark else "")
    axes.text(
        column + 0.5, row + (0.36 if has_ratio else 0.5), drawable(text), ha="center", va="center",
        fontsize=_VALUE_SIZE, color=GREY if cell.shown.missing else ink,
    )  # fmt: skip
    if has_ratio:
        axes.text(column + 0.5, row + 0.74, cell.relative, ha="center", va="center", fontsize=_RATIO_SIZE, color=ink)


def _sign(cell: Cell) -> str:
    """Return what stands in place of a value that is missing."""
    return "\N{EN DASH}" if cell.case.record.verdict.ran else cell.case.mark


def _luminance(colour: Sequence[float]) -> float:
    red, green, blue = colour[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _notes(page: Sequence[_Panel]) -> list[str]:
    cells = [cell for panel in page for _, cells in panel.grid.rows for cell in cells if cell is not None]
    hatched = [cell for cell in cells if not cell.trusted and not cell.shown.missing]
    signs: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.shown.missing:
            signs.setdefault(_sign(cell), []).append(cell)
    notes = [f"hatched, not trusted: {_statuses(hatched)}"] if hatched else []
    notes += [f"{sign}: {_statuses(found)}" for sign, found in signs.items()]
    notes += [f"{_REMARK}: {remark}" for remark in dict.fromkeys(cell.remark for cell in cells if cell.remark)]
    notes += [panel.grid.note for panel in page if panel.grid.note]
    narrow = [panel.grid.name for panel in page if panel.cell_mm < _NARROWEST_MM]
    return [*notes, *([f"cells are narrow ({', '.join(narrow)}): a wider figure has more room"] if narrow else [])]


def _statuses(cells: Sequence[Cell]) -> str:
    counts = Counter(cell.case.record.verdict.status for cell in cells)
    return ", ".join(counted(count, f"{status} case") for status, count in counts.most_common())
