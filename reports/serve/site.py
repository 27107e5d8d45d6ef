"""The pages of many runs: a list of them, and reports built on request. Nothing is written."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol
from urllib.parse import quote, unquote

from harness.core.errors import EdgebenchError
from reports.build import build_html, policy
from reports.data import Reset, RunReader, gather
from reports.section import read_asset, render_template

from .feed import MEDIA_TYPE, feed
from .heading import Heading
from .memory import give_back

_MOST_CACHED = 8  # reports: one of a thousand cases has 15 MB
_MOST_CACHED_BYTES = 64 << 20
PER_PAGE = 500
"""Runs on one page of the list."""

MOST_RUNS = 400
"""Largest number of runs in one report; a longer history is narrowed down."""

_NOT_FOUND = 404
FEED = "feed.xml"


@dataclass(frozen=True)
class RunEntry:
    """One run in the list.

    Attributes:
        name: Its name in addresses.
        header: What the list shows of its header.
        reader: Reads it.
        read_stamp: Returns a text that changes whenever the run does.

    """

    name: str
    header: Heading
    reader: RunReader
    read_stamp: Callable[[], str]

    @property
    def stamp(self) -> str:
        """A text that changes whenever the run does."""
        return self.read_stamp()


class RunSource(Protocol):
    """Where runs come from: a folder of run folders, or a store."""

    @property
    def title(self) -> str:
        """The title of the list."""

    def entries(self) -> Sequence[RunEntry]:
        """Return the runs at this moment, newest first; the same object as before if nothing has changed."""

    def resets(self) -> Sequence[Reset]:
        """Return the declared resets."""


@dataclass(frozen=True)
class Response:
    """An HTTP response, with the content security policy of its page."""

    status: int
    media_type: str
    body: bytes
    policy: str


def address(*parts: str) -> str:
    """Return the path of a page, with every part escaped, slashes included."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


@dataclass
class Site:
    """Makes pages by path. Reports are cached until one of their runs changes.

    Attributes:
        source: Where runs come from.
        address: Returns the address of a page by its parts; of the list without any.
        published: Whether the pages are static and public: without comparisons on demand, and without local paths.
        title: Title of the list.
    """

    source: RunSource
    address: Callable[..., str] = address
    published: bool = False
    title: str = "Runs"
    _cache: OrderedDict[tuple[str, ...], bytes] = field(default_factory=OrderedDict)
    _lists: dict[int, bytes] = field(default_factory=dict)
    _listed: Sequence[RunEntry] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, path: str) -> Response:
        """Return the page at a path without query. Names are looked up among the runs; they are never used as files."""
        try:
            return self.page([unquote(part) for part in path.strip("/").split("/") if part])
        except LookupError as error:
            return _html(_message("Not found", str(error.args[0])), _NOT_FOUND)
        except EdgebenchError as error:
            return _html(_message("This run cannot be shown", str(error)), 500)

    def page(self, parts: Sequence[str]) -> Response:
        """Return the page at a path, given as its parts.

        Raises:
            LookupError: There is no such page.
            EdgebenchError: A run cannot be read.

        """
        entries = self.source.entries()
        kind, *names = parts or ("",)
        if (kind, len(names)) in {("", 0), ("page", 1)}:
            return _html(self._list(entries, _number(names[0] if names else "1", pages_of(entries))))
        if (kind, len(names)) == (FEED, 0):
            return Response(200, MEDIA_TYPE, feed(f"edgebench: {self.source.title}", entries, self.address), policy())
        if (kind, len(names)) == ("run", 1):
            return self._report([_named(entries, names[0])])
        if (kind, len(names)) == ("target", 1):
            return self._report([entry for entry in entries if entry.header.target == names[0]])
        if (kind, len(names)) == ("target", 2):
            wanted = (names[0], names[1])
            return self._report([entry for entry in entries if (entry.header.target, entry.header.unit) == wanted])
        if (kind, len(names)) == ("compare", 2):
            return self._report([_named(entries, names[1])], _named(entries, names[0]))
        raise LookupError("this page does not exist")

    def _list(self, entries: Sequence[RunEntry], number: int) -> bytes:
        """Return a page of the list, made once for as long as no run changes."""
        with self._lock:
            if entries is not self._listed:
                self._listed = entries
                self._lists.clear()
            if number not in self._lists:
                self._lists[number] = self._rendered(entries, number).encode("utf-8", "replace")
            return self._lists[number]

    def _rendered(self, entries: Sequence[RunEntry], number: int) -> str:
        every: dict[tuple[str, str], list[RunEntry]] = {}
        for entry in entries:
            every.setdefault((entry.header.target, entry.header.unit), []).append(entry)
        shown: dict[tuple[str, str], list[RunEntry]] = {}
        for entry in entries[(number - 1) * PER_PAGE : number * PER_PAGE]:
            shown.setdefault((entry.header.target, entry.header.unit), []).append(entry)
        counts = Counter(target for target, _ in every)
        return render_template(
            "runs.html",
            title=self.title,
            where="" if self.published else self.source.title,
            boards=shown,
            every=every,
            before={new.name: old for runs in every.values() for new, old in pairwise(runs)},
            most=MOST_RUNS,
            page=number,
            pages=pages_of(entries),
            shared={target for target, count in counts.items() if count > 1},
            style=read_asset("report.css"),
            address=self.address,
            comparisons=not self.published,
        )

    def _report(self, entries: Sequence[RunEntry], baseline: RunEntry | None = None) -> Response:
        if not entries:
            raise LookupError("there is no such run")
        entries = entries[:MOST_RUNS]
        shown = [*entries, *([baseline] if baseline else [])]
        key = (str(bool(baseline)), *(f"{entry.name} {entry.stamp}" for entry in shown))
        return _html(self._cached(key, lambda: self._build(entries, baseline)))

    def _build(self, entries: Sequence[RunEntry], baseline: RunEntry | None) -> bytes:
        readers = [entry.reader for entry in entries]
        data = gather(readers, baseline.reader if baseline else None, self.source.resets())
        return build_html(data).encode("utf-8", "replace")

    def _cached(self, key: tuple[str, ...], build: Callable[[], bytes]) -> bytes:
        """Return the cached page, or build it. One page is built at a time, to spare a small board."""
        with self._lock:
            if key not in self._cache:
                page = build()
                give_back()  # what the build took, which is many times the page
                self._cache[key] = page
                while len(self._cache) > _MOST_CACHED or (
                    len(self._cache) > 1 and sum(map(len, self._cache.values())) > _MOST_CACHED_BYTES
                ):
                    self._cache.popitem(last=False)
            self._cache.move_to_end(key)
            return self._cache[key]


def pages_of(entries: Sequence[RunEntry]) -> int:
    """Return the number of pages of the list."""
    return max(1, -(-len(entries) // PER_PAGE))


def _number(text: str, pages: int) -> int:
    """Return the number of a page of the list; LookupError if there is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= pages):
        raise LookupError("this page does not exist")
    return int(text)


def _named(entries: Sequence[RunEntry], name: str) -> RunEntry:
    for entry in entries:
        if entry.name == name:
            return entry
    raise LookupError(f"there is no run named '{name}'")


def _html(text: str | bytes, status: int = 200) -> Response:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return Response(status, "text/html; charset=utf-8", body, policy())


def _message(title: str, text: str) -> str:
    return render_template("message.html", title=title, text=text, style=read_asset("report.css"))
