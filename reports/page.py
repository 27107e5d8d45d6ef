"""The Jinja2 environment: everything is escaped unless it is Markup made here, and an undefined name is an error."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup


@cache
def environment() -> Environment:
    """Templates of `reports/templates`, autoescaped."""
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["when"] = when
    return made


def when(utc: str) -> str:
    """An ISO time in UTC to the minute: '2026-01-01 00:00 UTC'; anything else as it is."""
    found = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)", utc)
    return f"{found[1]} {found[2]} UTC" if found else utc


def seconds(utc: str) -> str:
    """An ISO time in UTC to the second: '2026-01-01 00:00:07 UTC'; anything else as it is."""
    found = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", utc)
    return f"{found[1]} {found[2]} UTC" if found else utc


def compiled(source: str, file: str) -> Template:
    """Return a template of `environment` from its text; `file` is named in tracebacks."""
    code = environment().compile(source, name=file, filename=file)
    return Template.from_code(environment(), code, environment().make_globals(None))


def render(template: str | Template, **context: Any) -> Markup:
    """Return a template, or the one of that name in `reports/templates`, as safe HTML."""
    found = environment().get_template(template) if isinstance(template, str) else template
    return Markup(found.render(**context))  # noqa: S704 - autoescaped above


def asset(name: str) -> str:
    """Text of a file in `reports/assets`."""
    return (files("reports") / "assets" / name).read_text(encoding="utf-8")


def json_for_html(text: str) -> Markup:
    """JSON text that can stand inside a <script> element: no '<' that could close it, no raw line separators."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - escaped above
