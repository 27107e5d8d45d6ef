"""The Jinja2 environment: everything is escaped unless it is Markup made here, and an undefined name is an error."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def environment() -> Environment:
    """Templates of `reports/templates`, autoescaped."""
    return Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **context: Any) -> Markup:
    """The template as safe HTML."""
    return Markup(environment().get_template(template).render(**context))  # noqa: S704 - autoescaped above


def asset(name: str) -> str:
    """Text of a file in `reports/assets`."""
    return (files("reports") / "assets" / name).read_text(encoding="utf-8")


def json_for_html(text: str) -> Markup:
    """JSON text that can stand inside a <script> element: no '<' that could close it, no raw line separators."""
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - escaped above
