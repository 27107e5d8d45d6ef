"""What `edgebench serve` answers: a list of runs, and reports built when they are asked for. Nothing is written."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, unquote

from harness.core.errors import EdgebenchError
from harness.core.record import RunHeader
from reports.build import build_html, policy
from reports.data import Reset, RunReader, gather
from reports.section import read_asset, render_template

_KEPT = 8  # pages in memory: a page of a thousand cases has 15 MB
_NOT_FOUND = 404


@dataclass(frozen=True)
class RunEntry:
    """One run that can be looked at: `name` stands in its address, `stamp` changes when the run does."""

    name: str
    header: RunHeader
    source: RunReader
    stamp: str


class RunSource(Protocol):
    """Where runs are found: a folder of run folders, or a store."""

    @property
    def title(self) -> str:
        """What the list is called."""

    def entries(self) -> Sequence[RunEntry]:
        """Every run now, newest first."""

    def resets(self) -> Sequence[Reset]:
        """Declared resets."""


@dataclass(frozen=True)
class Response:
    """What to send: status, media type, body, and the page's content security policy."""

    status: int
    media: str
    body: bytes
    policy: str


@dataclass
class Site:
    """The pages by their path. Built pages are kept until the runs they show change."""

    source: RunSource
    _kept: OrderedDict[tuple[str, ...], bytes] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, path: str) -> Response:
        """The page at this path (without its query). Names are looked up among the runs, and never become files."""
        try:
            return self._page([unquote(part) for part in path.strip("/").split("/") if part])
        except LookupError as error:
            return _html(_message("Not found", str(error.args[0])), _NOT_FOUND)
        except EdgebenchError as error:
            return _html(_message("This run cannot be shown", str(error)), 500)

    def _page(self, parts: Sequence[str]) -> Response:
        """LookupError when there is none."""
        entries = self.source.entries()
        kind, *names = parts or ("",)
        if (kind, len(names)) == ("", 0):
            return _html(self._list(entries))
        if (kind, len(names)) == ("run", 1):
            return self._report([_named(entries, names[0])])
        if (kind, len(names)) == ("target", 1):
            return self._report([entry for entry in entries if entry.header.target == names[0]])
        if (kind, len(names)) == ("compare", 2):
            return self._report([_named(entries, names[1])], _named(entries, names[0]))
        raise LookupError("there is no such page")

    def _list(self, entries: Sequence[RunEntry]) -> str:
        targets: dict[str, list[RunEntry]] = {}
        for entry in entries:
            targets.setdefault(entry.header.target, []).append(entry)
        style = read_asset("report.css")
        return render_template("runs.html", title=self.source.title, targets=targets, style=style, address=address)

    def _report(self, entries: Sequence[RunEntry], baseline: RunEntry | None = None) -> Response:
        if not entries:
            raise LookupError("no such run")
        everyone = [*entries, *([baseline] if baseline else [])]
        key = (str(bool(baseline)), *(f"{entry.name} {entry.stamp}" for entry in everyone))
        return _html(self._once(key, lambda: self._build(entries, baseline)))

    def _build(self, entries: Sequence[RunEntry], baseline: RunEntry | None) -> bytes:
        sources = [entry.source for entry in entries]
        data = gather(sources, baseline.source if baseline else None, self.source.resets())
        return build_html(data).encode("utf-8", "replace")

    def _once(self, key: tuple[str, ...], build: Callable[[], bytes]) -> bytes:
        """The kept page, or the one built now: one at a time, since two readers of a board must not slow it twice."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = build()
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def address(*parts: str) -> str:
    """The path of a page: every part escaped whole, slashes too."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _named(entries: Sequence[RunEntry], name: str) -> RunEntry:
    for entry in entries:
        if entry.name == name:
            return entry
    raise LookupError(f"no run is called '{name}' here")


def _html(text: str | bytes, status: int = 200) -> Response:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return Response(status, "text/html; charset=utf-8", body, policy())


def _message(title: str, text: str) -> str:
    return render_template("message.html", title=title, text=text, style=read_asset("report.css"))
