"""The pages of many runs: a list of them, and reports built on request. Nothing is written."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, unquote

from harness.core.errors import EdgebenchError
from harness.core.record import RunHeader
from reports.build import build_html, policy
from reports.data import Reset, Run, RunReader, gather, read_run
from reports.section import read_asset, render_template
from reports.trend import SHORTEST

from .board import CaseHistory, RunSummary, case_histories, summary_of
from .feed import MEDIA_TYPE, feed

_MOST_CACHED = 8  # pages: one of a thousand cases has 15 MB
_NOT_FOUND = 404
FEED = "feed.xml"


@dataclass(frozen=True)
class RunEntry:
    """One run in the list.

    Attributes:
        name: Its name in addresses.
        header: Its header.
        reader: Reads it.
        stamp: A text that changes whenever the run does.

    """

    name: str
    header: RunHeader
    reader: RunReader
    stamp: str


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

    """

    target: str
    unit: str
    name: str
    report: str
    entries: Sequence[tuple[RunEntry, RunSummary | None]]
    cases: Sequence[CaseHistory]

    def parts_of(self, case: CaseHistory) -> tuple[str, ...]:
        """Return the address of the history of one of its cases, as its parts."""
        return "case", self.target, self.unit or "unknown", case.case_id


class RunSource(Protocol):
    """Where runs come from: a folder of run folders, or a store."""

    @property
    def title(self) -> str:
        """The title of the list."""

    def entries(self) -> Sequence[RunEntry]:
        """Return the runs at this moment, newest first."""

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
        if (kind, len(names)) == ("", 0):
            return _html(self._list(entries))
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
        key = (*((entry.name, entry.stamp) for entry in entries), *map(repr, self.source.resets()))
        if self._boards is None or self._boards[0] != key:
            self._boards = key, self._read_boards(entries)
        return self._boards[1]

    def _read_boards(self, entries: Sequence[RunEntry]) -> list[Board]:
        by_unit: dict[tuple[str, str], list[RunEntry]] = {}
        for entry in entries:
            by_unit.setdefault((entry.header.target, entry.header.unit), []).append(entry)
        names = {entry.name for entry in entries}
        self._runs = {name: known for name, known in self._runs.items() if name in names}
        shared = {target for target, count in Counter(target for target, _ in by_unit).items() if count > 1}
        return [self._board(target, unit, of, target in shared) for (target, unit), of in by_unit.items()]

    def _board(self, target: str, unit: str, entries: Sequence[RunEntry], is_shared: bool) -> Board:
        runs = [(entry, self._run(entry)) for entry in entries]
        readable = [(entry.name, run) for entry, run in reversed(runs) if run is not None]
        report = self.address("target", target, *([unit] if unit else [])) if len(entries) > 1 else ""
        return Board(
            target,
            unit,
            f"{target} {unit or '(unit unknown)'}" if is_shared else target,
            report,
            [(entry, None if run is None else summary_of(run)) for entry, run in runs],
            case_histories(readable, self.source.resets()),
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

    def _list(self, entries: Sequence[RunEntry]) -> str:
        return render_template(
            "runs.html",
            title=self.title,
            where="" if self.published else self.source.title,
            boards=self.boards(entries),
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
                self._cache[key] = build()
                while len(self._cache) > _MOST_CACHED:
                    self._cache.popitem(last=False)
            self._cache.move_to_end(key)
            return self._cache[key]


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
