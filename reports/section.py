"""What report sections are made of: their contract, their figures, and the templates and assets of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from harness.core.printable import printable

from .text import when

if TYPE_CHECKING:
    from .data import ReportData


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
        name: Its anchor in the page.
        title: Its heading.
        order: Its place in the page. Built-in sections stand at 10, 20, 30 ...
        render: Return its HTML, made from records alone, or why there is nothing to show; see `Template`.

    """

    name: str
    title: str
    order: int
    render: Callable[[ReportData], Markup | Absent]


@dataclass(frozen=True)
class Absent:
    """A section with nothing to show.

    Attributes:
        reason: Why there is nothing to show.
        remedy: A command or an action that would make the section appear, or ''.

    """

    reason: str
    remedy: str = ""


@dataclass(frozen=True)
class LegendEntry:
    """An entry in the legend of a plot: a coloured symbol, or a coloured line if `dash` is set.

    Attributes:
        name: The text beside the symbol.
        colour: A CSS colour.
        symbol: One of `plots.SYMBOLS`, or 'open'.
        dash: One of `plots.DASHES`, or ''.

    """

    name: str
    colour: str
    symbol: str = "circle"
    dash: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot, with everything that a reader needs who cannot see it.

    The filters of the page apply to traces whose `meta` is the key of a case, and to points whose `customdata` are
    keys of cases.

    Attributes:
        id: Its HTML id.
        title: Its heading.
        json: The plotly figure, as JSON that is safe in HTML.
        summary: What it shows, in one sentence.
        how: How to read it.
        columns: Column titles of its data as a table.
        rows: Rows of that table.
        height: Height in CSS pixels.
        legend: Entries of its legend. It is part of the page, because plotly's own takes room from the plot.

    """

    id: str
    title: str
    json: Markup
    summary: str
    how: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    height: int = 380
    legend: Sequence[LegendEntry] = ()


@dataclass(frozen=True)
class Template:
    """The HTML of a section as Jinja source. Values are escaped unless they are `Markup`; undefined names are errors.

    `{% from "macros.html" import number, verdict, figure %}` imports the macros of `reports/templates`.

    Attributes:
        source: The text.
        file: Where it comes from, for tracebacks; '<template>' if it is not a file.

    """

    source: str
    file: str = "<template>"

    @classmethod
    def beside(cls, module: str) -> Template:
        """Return the template next to a module, given the module's `__file__`: `heat.html` for `heat.py`."""
        path = Path(module).with_suffix(".html")
        return cls(path.read_text(encoding="utf-8"), str(path))

    def render(self, **context: Any) -> Markup:
        """Return the HTML with the values of `context` filled in."""
        return _to_markup(self._compiled, context)

    @cached_property
    def _compiled(self) -> jinja2.Template:
        code = _environment().compile(self.source, name=self.file, filename=self.file)
        return jinja2.Template.from_code(_environment(), code, _environment().make_globals(None))


def figures_html(figures: Sequence[Figure], lead: str = "") -> Markup:
    """Return the HTML of plots, with the sentence `lead` above them."""
    return render_template("figures.html", figures=figures, lead=lead)


def render_template(name: str, **context: Any) -> Markup:
    """Return a template of `reports/templates` as HTML, with the values of `context` filled in."""
    return _to_markup(_environment().get_template(name), context)


def read_asset(name: str) -> str:
    """Return the text of a file in `reports/assets`."""
    return (files("reports") / "assets" / name).read_text(encoding="utf-8")


def json_for_html(text: str) -> Markup:
    """Return JSON that can stand inside a <script> element: no '<' can close it, and no raw line separators remain."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _to_markup(template: jinja2.Template, context: dict[str, Any]) -> Markup:
    return Markup(template.render(**context))  # noqa: S704 - the environment escapes


def _finalized(value: object) -> object:
    """Return what a template shows in place of a value: a text without control characters; HTML stays."""
    return printable(value) if type(value) is str else value


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = when
    return environment
