"""What a section of the report is: it renders, or says why there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .page import compiled, render

if TYPE_CHECKING:
    import jinja2

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
    """One section of the report.

    Attributes:
        name: Its anchor in the page.
        title: Its heading.
        order: Its place in the page: built-in sections stand at 10, 20, 30 ...
        render: Return its HTML, made from records alone, or why there is nothing to show; see `Template`.

    """

    name: str
    title: str
    order: int
    render: Callable[[ReportData], Markup | Absent]


@dataclass(frozen=True)
class Template:
    """The HTML of a section as Jinja source: what is not `Markup` is escaped, an undefined name is an error.

    `{% from "macros.html" import number, verdict, figure %}` imports the macros of `reports/templates`.

    Attributes:
        source: The text.
        file: Where it stands, for tracebacks; '<template>' where it is no file.

    """

    source: str
    file: str = "<template>"

    @classmethod
    def beside(cls, module: str) -> Template:
        """Return the template that lies beside a module, from the module's `__file__`: `heat.html` for `heat.py`."""
        path = Path(module).with_suffix(".html")
        return cls(path.read_text(encoding="utf-8"), str(path))

    def render(self, **context: Any) -> Markup:
        """Return the HTML with the values of `context` in it."""
        return render(self._compiled, **context)

    @cached_property
    def _compiled(self) -> jinja2.Template:
        return compiled(self.source, self.file)


def figures_html(figures: Sequence[Figure], lead: str = "") -> Markup:
    """Return the HTML of plots with the sentence `lead` above them."""
    return render("figures.html", figures=figures, lead=lead)
