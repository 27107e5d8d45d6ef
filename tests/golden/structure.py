"""What programs read of the command's output: tables, numbers, names and ids, without the sentences for people.

Every reader turns one output into plain lists, dicts, texts and numbers. A sentence becomes whether there is one:
its wording may change from version to version, its place may not.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

PROSE = frozenset(
    {"reason", "energy_reason", "unlike", "remedy", "conclusion", "sentence", "headline", "message", "extra", "command"}
)
"""Columns, keys and attributes that hold sentences, and commands for people to copy."""

_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?", re.IGNORECASE)
_SHOWN_NUMBER = re.compile(r"[≈✓!✕○]?\s*[-+\u2212]?[\d.,]+(?:[^\w]*[\d.,]+)*\s*(?:[%\xd7x]|[numkMG]?[sBJWg]|[kKMG]iB)?")


def csv_table(text: str) -> Any:
    """Rows of cells by the names of their columns."""
    return _table(list(csv.reader(io.StringIO(text))))


def markdown_tables(text: str) -> Any:
    """The rows of all tables, as `csv_table` gives them; other lines are for people."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return _table([[cell.strip() for cell in row] for row in rows])


def document(text: str) -> Any:
    """A JSON document."""
    return _plain(json.loads(text))


def xml(text: str) -> Any:
    """An XML document: tag, attributes and children of every element; text is for people."""

    def element(node: ET.Element) -> Any:
        return [node.tag, {name: _cell(name, value) for name, value in node.attrib.items()}, [*map(element, node)]]

    return element(ET.fromstring(text))


def metrics(text: str) -> Any:
    """Prometheus' text format: name with labels, and value, of every sample; comments by their first words."""
    lines = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("# HELP")]
    return [[name, _cell("", value)] for name, _, value in lines]


def page(html: str) -> Any:
    """A report: by section, the shape of each table and every number that stands alone in one of its cells."""
    parser = _Page()
    parser.feed(html)
    return parser.sections


READERS: Mapping[str, Callable[[str], Any]] = {
    ".csv": csv_table, ".json": document, ".md": markdown_tables, ".xml": xml, ".prom": metrics, ".html": page,
}  # fmt: skip


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Names, order and texts are equal, numbers to nine digits: libraries differ in the last ones.

    Later versions may add columns and keys behind those that there were.
    """
    if isinstance(expected, dict):
        assert isinstance(found, dict), where
        assert list(found)[: len(expected)] == list(expected), where
        for name, value in expected.items():
            assert_same(found[name], value, f"{where}/{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list), where
        assert len(found) == len(expected), where
        for index, value in enumerate(expected):
            assert_same(found[index], value, f"{where}/{index}")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12), where
    else:
        assert found == expected, where


def _table(rows: list[list[str]]) -> Any:
    names = rows[0] if rows else []
    return [{name: _cell(name, cell) for name, cell in zip(names, row, strict=True)} for row in rows[1:]]


def _cell(name: str, text: str) -> Any:
    if _is_prose(name):
        return bool(text)
    if name == "verdict":
        return text.partition(":")[0]
    return float(text.replace(",", "")) if _NUMBER.fullmatch(text) else text


def _is_prose(name: str) -> bool:
    return name in PROSE or name.endswith("_reason")


def _plain(value: Any, name: str = "") -> Any:
    if _is_prose(name) and isinstance(value, str | None):
        return bool(value)
    if isinstance(value, dict):
        return {key: _plain(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, name) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Page(HTMLParser):
    """Collects the tables of a report's sections."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, Any] = {}
        self._tables: list[Any] | None = None
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            about = dict(attrs)
            self._tables = []
            name = about.get("id") or ""
            self.sections[name] = {"absent": about.get("class") == "absent", "tables": self._tables}
        elif tag == "table" and self._tables is not None:
            self._tables.append([])
        elif tag == "tr" and self._tables:
            self._tables[-1].append([])
        elif tag in ("td", "th") and self._tables:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None and self._tables and self._tables[-1]:
            self._tables[-1][-1].append(_shown("".join(self._cell)))
            self._cell = None
        elif tag == "section":
            self._tables = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def _shown(text: str) -> str:
    """A cell that holds a number and no more, as it is shown; '' for words."""
    words = " ".join(text.split())
    return words if _SHOWN_NUMBER.fullmatch(words) else ""
