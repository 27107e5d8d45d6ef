"""The pages of many runs: a list of them, and reports built on request. Nothing is written."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol
from urllib.parse import quote, unquote

from harness.core.errors import EdgebenchError
from reports.build import build_html, policy
from reports.data import Reset, Run, RunReader, gather, read_run
from reports.section import read_asset, render_template
from reports.trend import SHORTEST

from .board import CaseHistory, RunSummary, case_histories, summary_of
from .feed import MEDIA_TYPE, feed
from .heading import Heading
from .memory import give_back

_MOST_CACHED = 8  # reports: one of a thousand cases has 15 MB
_MOST_CACHED_BYTES = 64 << 20
PER_PAGE = 500
"""Runs on one page of the list."""

MOST_READ = 60
"""Newest runs of a board whose records are read for the list: for what their times are worth, and for histories."""

NOT_READ = RunSummary("", ())
"""What is said of older ones."""

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


@dataclass(frozen=True)
class Board:
    """One piece of hardware in the list.

    Attributes:
        target: Its target.
        unit: Its id, '' where that is unknown.
        name: Its name, with the id where several share the target.
        report: Address of the report of all its runs; '' for one run.
        entries: Its runs, newest first, each with what is to be said of it; None for one that cannot be read.
        cases: The histories of its cases.
        total: Number of all its runs, on whatever page.

    """

    target: str
    unit: str
    name: str
    report: str
    entries: Sequence[tuple[RunEntry, RunSummary | None]]
    cases: Sequence[CaseHistory]
    total: int

    def only(self, names: Container[str], *, with_cases: bool) -> Board:
        """Return the board with some of its runs, and with or without its cases."""
        kept = [(entry, summary) for entry, summary in self.entries if entry.name in names]
        return replace(self, entries=kept, cases=self.cases if with_cases else ())

    def parts_of(self, case: CaseHistory) -> tuple[str, ...]:
        """Return the address of the history of one of its cases, as its parts."""
        return "case", self.target, self.unit or "unknown", case.case_id


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
    _runs: dict[str, tuple[str, Run]] = field(default_factory=dict)
    _boards: tuple[tuple[object, ...], list[Board]] | None = None
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
        if kind == "target" and len(names) in (1, 2):  # without a unit: every unit of the target
            of = {entry.name: (entry.header.target, entry.header.unit)[: len(names)] for entry in entries}
            return self._report([entry for entry in entries if of[entry.name] == tuple(names)])
        if (kind, len(names)) == ("case", 3):
            return _html(self._case(entries, ("case", *names)))
        if (kind, len(names)) == ("compare", 2):
            return self._report([_named(entries, names[1])], _named(entries, names[0]))
        raise LookupError("this page does not exist")

    def boards(self, entries: Sequence[RunEntry]) -> list[Board]:
        """Return the boards with their runs and the histories of their cases, that of the newest run first."""
        by_unit: dict[tuple[str, str], list[RunEntry]] = {}
        for entry in entries:
            by_unit.setdefault((entry.header.target, entry.header.unit), []).append(entry)
        read = [entry for of in by_unit.values() for entry in of[:MOST_READ]]
        headings = ((entry.name, entry.header) for entry in entries)
        key = (*headings, *(entry.stamp for entry in read), *map(repr, self.source.resets()))
        if self._boards is None or self._boards[0] != key:
            names = {entry.name for entry in read}
            self._runs = {name: known for name, known in self._runs.items() if name in names}
            shared = {target for target, count in Counter(target for target, _ in by_unit).items() if count > 1}
            found = [self._board(target, unit, of, target in shared) for (target, unit), of in by_unit.items()]
            self._boards = key, found
        return self._boards[1]

    def _board(self, target: str, unit: str, entries: Sequence[RunEntry], is_shared: bool) -> Board:
        runs = [(entry, self._run(entry)) for entry in entries[:MOST_READ]]
        readable = [(entry.name, run) for entry, run in reversed(runs) if run is not None]
        report = self.address("target", target, *([unit] if unit else [])) if len(entries) > 1 else ""
        summaries = [(entry, None if run is None else summary_of(run)) for entry, run in runs]
        return Board(
            target,
            unit,
            f"{target} {unit or '(unit unknown)'}" if is_shared else target,
            report,
            [*summaries, *((entry, NOT_READ) for entry in entries[MOST_READ:])],
            case_histories(readable, self.source.resets()),
            len(entries),
        )

    def _run(self, entry: RunEntry) -> Run | None:
        """Return a run, read once until it changes; None where it cannot be read."""
        known = self._runs.get(entry.name)
        if known is None or known[0] != entry.stamp:
            try:
                known = self._runs[entry.name] = entry.stamp, read_run(entry.reader)
            except EdgebenchError:
                return None
        return known[1]

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
        boards = self.boards(entries)
        on_page = {entry.name for entry in entries[(number - 1) * PER_PAGE : number * PER_PAGE]}
        shown = [board.only(on_page, with_cases=number == 1) for board in boards]
        before = {new.name: old for board in boards for (new, _), (old, _) in pairwise(board.entries)}
        return render_template(
            "runs.html",
            title=self.title,
            where="" if self.published else self.source.title,
            boards=[board for board in shown if board.entries],
            before=before,
            most=MOST_RUNS,
            page=number,
            pages=pages_of(entries),
            style=read_asset("report.css"),
            address=self.address,
            comparisons=not self.published,
        )

    def _case(self, entries: Sequence[RunEntry], parts: tuple[str, ...]) -> str:
        for board in self.boards(entries):
            for history in board.cases:
                if board.parts_of(history) == parts:
                    return render_template(
                        "case_history.html",
                        title=self.title,
                        board=board.name,
                        several=board.report,
                        history=history,
                        shortest=SHORTEST,
                        style=read_asset("report.css"),
                        address=self.address,
                    )
        raise LookupError("there is no such case")

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
