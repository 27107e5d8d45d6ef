"""What all figures of a paper have in common: fonts, sizes, colours, symbols, and how they are saved."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from harness.core.errors import UsageError

Format = Literal["svg", "pdf", "png"]

WIDTHS_MM = {"single": 88.0, "double": 180.0}
"""Widths of one and of two columns, within those that IEEE, ACM, Elsevier and Nature ask for."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""The palette of Okabe and Ito, distinct for all kinds of colour vision, without its yellow: that is faint on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h", "p")
FILLS = ("full", "none", "left", "bottom", "right", "top")
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
GREY = "#6e6e6e"
PALE = "#d9d9d9"

_LONGEST = 56  # characters of a name
_FONT = "DejaVu Sans"  # it comes with matplotlib: the same figure on every machine
_SETTINGS: dict[str, Any] = {
    "font.family": _FONT,
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.5,
    "lines.markeredgewidth": 0.7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "hatch.linewidth": 0.5,
    "savefig.dpi": 300,
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "pdf.fonttype": 42,  # whole outlines, as publishers ask for
    "svg.fonttype": "path",
    "svg.hashsalt": "edgebench",  # the same ids every time
}
_NO_DATES: dict[Format, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Drawn:
    """A figure that was drawn.

    Attributes:
        name: Its file's name without suffix.
        figure: The `matplotlib.figure.Figure`.
        notes: What it leaves out, and why; each is for the caption or the author.

    """

    name: str
    figure: Any
    notes: Sequence[str] = ()


@contextmanager
def paper_style() -> Iterator[None]:
    """Within the `with` block matplotlib has the settings of a paper, whatever the user's own are.

    Raises:
        UsageError: matplotlib is not installed.

    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise UsageError("figures need matplotlib", "pip install 'edgebench[figures]'") from None
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def new_figure(width_mm: float, height_mm: float) -> Any:
    """Return an empty figure of a size, with room for what stands outside of its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any = Figure((width_mm / 25.4, height_mm / 25.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.03, hspace=0.03)
    FigureCanvasAgg(figure)  # so that texts can be measured
    return figure


def file_content(figure: Any, kind: Format) -> bytes:
    """Return a figure as the content of a file: the same for the same figure, since it has no dates."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=_NO_DATES[kind])
    return buffer.getvalue()


def drawable(text: str, longest: int = _LONGEST) -> str:
    """Return a name with a box for every character that the font lacks, and without its middle where it is too long."""
    lines = [_cut(line, longest) for line in text.split("\n")]
    return "\n".join("".join(char if _has_glyph(char) else "\N{WHITE SQUARE}" for char in line) for line in lines)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


@cache
def _has_glyph(char: str) -> bool:
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont(_FONT))
    return bool(font.get_char_index(ord(char)))


def legend_above(figure: Any, handles: Sequence[Any]) -> None:
    """Place a legend above the axes, in as many columns as fit the width."""
    if not handles:
        return
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles=handles, loc="outside upper center", ncols=columns)
        width = legend.get_window_extent(figure.canvas.get_renderer()).width
        if columns == 1 or width <= figure.bbox.width * 0.98:
            return
        legend.remove()


def of_names(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return a value per name, in order; values repeat after the last one."""
    return {name: values[index % len(values)] for index, name in enumerate(dict.fromkeys(names))}
