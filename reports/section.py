"""What a section of the report is: it renders, or says why there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .page import render

if TYPE_CHECKING:
    from .data import ReportData


@dataclass(frozen=True)
class Key:
    """An entry of a plot's legend: a `colour` with a `symbol` of `plots.SYMBOLS`, or a line with a `dash`."""

    name: str
    colour: str
    symbol: str = "circle"
    dash: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot with everything for a reader who cannot see it.

    `json` is the plotly figure as JSON safe for HTML; `summary` says in one sentence what it shows; `columns` and
    `rows` are its data as a table; `how` tells how to read it; `height` in CSS pixels; `keys` are its legend, which
    stands in the page, since plotly's own takes the plot's room. The page's filters apply to traces whose `meta` is a
    case and to points whose `customdata` are cases.
    """

    id: str
    title: str
    json: Markup
    summary: str
    how: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    height: int = 380
    keys: Sequence[Key] = ()


@dataclass(frozen=True)
class Absent:
    """Why a section has nothing to show, and what would make it appear."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class Section:
    """One section: `name` is its anchor, `order` its place in the page, `render` makes its HTML from records alone."""

    name: str
    title: str
    order: int
    render: Callable[[ReportData], Markup | Absent]


def body(template: str, **context: Any) -> Markup:
    """Render `templates/sections/<template>` with autoescape."""
    return render(f"sections/{template}", **context)
