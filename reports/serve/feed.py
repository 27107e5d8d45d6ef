"""An Atom feed of runs, for `edgebench serve` and `edgebench publish`: RFC 4287."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from xml.etree import ElementTree as ET

from harness.core.errors import EdgebenchError
from harness.core.quantity import utc_now
from harness.core.verdict import trust_counts
from reports.answer import answer_lines
from reports.data import RunReader
from reports.nights import night_of
from reports.text import clean

from .heading import Heading

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
MOST_ENTRIES = 50
"""A reader asks for the newest; the list of runs has them all."""

_ATOM = "http://www.w3.org/2005/Atom"


class FeedEntry(Protocol):
    """A run in the list of a site."""

    @property
    def name(self) -> str:
        """Its name in addresses."""

    @property
    def header(self) -> Heading:
        """What the list shows of its header."""

    @property
    def reader(self) -> RunReader:
        """Reads it."""


def feed(title: str, entries: Sequence[FeedEntry], address: Callable[..., str]) -> bytes:
    """Return the newest runs as a feed: how far each can be trusted, what a night found, what to ship.

    Args:
        title: Title of the feed.
        entries: The runs, newest first.
        address: Returns the address of a page by its parts.
    """
    root = ET.Element("feed", xmlns=_ATOM)
    newest = entries[:MOST_ENTRIES]
    _add(root, "title", clean(title))
    _add(root, "id", "urn:edgebench:runs")
    _add(root, "updated", _time(newest[0]) if newest else utc_now())
    _add(_add(root, "author"), "name", "edgebench")
    for entry in newest:
        header, lines = entry.header, _lines(entry)
        item = _add(root, "entry")
        _add(item, "title", clean(f"{header.suite} on {header.target}: {lines[0]}"))
        _add(item, "id", f"urn:edgebench:run:{clean(header.run_id)}")
        _add(item, "updated", _time(entry))
        ET.SubElement(item, "link", href=address("run", entry.name))
        _add(item, "summary", clean("; ".join(lines)))
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text or None
    return element


def _time(entry: FeedEntry) -> str:
    """Return when a run ended, else when it started; a run without a time that can be read has that of the epoch."""
    text = str(entry.header.ended_utc or entry.header.started_utc)
    return text if len(text) > len("2026-01-01") else "1970-01-01T00:00:00Z"


def _lines(entry: FeedEntry) -> list[str]:
    """Return what a run says: a night's findings first, then its verdicts, then what to ship."""
    try:
        records = entry.reader.contents().records
    except EdgebenchError as error:
        return [f"cannot be read: {error.message}"]
    trust = trust_counts(record.verdict.status for record in records)
    night = night_of(entry.reader)
    found = [] if night is None else [*(night.findings or [night.headline])]
    return [*found, trust, *answer_lines(records)]
