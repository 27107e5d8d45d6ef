"""A site of many runs as files for any web server: the pages of `edgebench serve`, with relative links."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from harness.core.errors import NothingMeasured, UsageError, reason_of
from harness.core.files import write_atomic

from .feed import feed
from .site import FEED, RunEntry, RunSource, Site, pages_of

MANIFEST = ".edgebench-site.json"
INDEX = "index.html"


@dataclass
class Published:
    """What became of a site's files.

    Attributes:
        written: Files that are new or have changed.
        kept: Files that are as they were, whose runs have not changed.
        removed: Files of runs that are gone.
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def publish(source: RunSource, out: Path, title: str = "") -> Published:
    """Write the site to the folder `out`; a report is built only if one of its runs has changed.

    Only files that an earlier call wrote are removed, when their runs are gone. Each file is complete at any moment.

    Raises:
        NothingMeasured: There are no runs.
        UsageError: The folder holds other files, or cannot be written.
    """
    entries = source.entries()
    if not entries:
        raise NothingMeasured(f"no runs in {source.title}", "measure some: edgebench run quick")
    before = _manifest(out)
    site = Site(source, address=file_of, published=True, title=title or "Runs")
    wanted = dict(_pages(site))
    now = {name: key for name, (key, _) in wanted.items()}
    done = Published()
    try:
        out.mkdir(parents=True, exist_ok=True)
        _save(out, {**before, **now})  # if interrupted, the next call may remove what was written
        for name, (key, body) in wanted.items():
            if key and before.get(name) == key and (out / name).is_file():
                done.kept.append(name)
                continue
            write_atomic(out / name, body())
            done.written.append(name)
        write_atomic(out / FEED, feed(title or "edgebench", entries, file_of))
        done.written.append(FEED)
        for name in before.keys() - now.keys() - {FEED}:
            (out / name).unlink(missing_ok=True)
            done.removed.append(name)
        _save(out, {**now, FEED: ""})
    except OSError as error:
        raise UsageError(
            f"{error.filename or out} cannot be written: {reason_of(error)}", "give another folder"
        ) from error
    return done


def file_of(*parts: str) -> str:
    """Return the file of a page: readable words and a hash that makes it unique."""
    if not parts:
        return INDEX
    if parts == (FEED,):
        return FEED
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts)).strip("-.")[:80]
    return f"{words}-{hashlib.sha256('/'.join(parts).encode('utf-8', 'replace')).hexdigest()[:10]}.html"


Page = tuple[str, Callable[[], bytes]]
"""What a page depends on, '' where it is written every time, and what makes its body."""


def _pages(site: Site) -> Iterator[tuple[str, Page]]:
    """Yield every page that the list links to, by its file."""
    entries = site.source.entries()
    yield INDEX, ("", lambda: site.respond("/").body)
    for number in range(2, pages_of(entries) + 1):
        yield file_of("page", str(number)), ("", _body(site, "page", str(number)))
    for entry in entries:
        yield file_of("run", entry.name), (_key(_stamp(entry)), _body(site, "run", entry.name))
    resets = site.source.resets()
    for board in site.boards(entries):
        stamps = [_stamp(entry) for entry, _ in board.entries]
        applicable = [repr(reset) for reset in resets if reset.target in (None, board.target)]
        key = _key(*stamps, *(applicable if len(stamps) > 1 else []))
        if board.report:
            parts = ("target", board.target, *([board.unit] if board.unit else []))
            yield file_of(*parts), (key, _body(site, *parts))
        for case in board.cases:
            parts = board.parts_of(case)
            yield file_of(*parts), (key, _body(site, *parts))


def _stamp(entry: RunEntry) -> str:
    return f"{entry.header.run_id} {entry.stamp}"


def _body(site: Site, *parts: str) -> Callable[[], bytes]:
    return lambda: site.page(parts).body


def _key(*stamps: str) -> str:
    return hashlib.sha256("\n".join([version("edgebench"), *stamps]).encode()).hexdigest()


def _manifest(out: Path) -> dict[str, str]:
    """Return the files that earlier calls wrote, each with what it depends on.

    Raises:
        UsageError: The folder is a file, or holds files and no list of ours.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file", "give a folder")
    try:
        files = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        # a name with a folder in it is not one of ours, whoever wrote it there
        return {str(name): str(key) for name, key in files.items() if Path(name).name == name}
    except FileNotFoundError:
        if out.is_dir() and any(out.iterdir()):
            raise UsageError(f"{out} holds other files", "give an empty folder, or one that was published to") from None
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{out / MANIFEST} cannot be read", "remove the folder, and publish again") from error


def _save(out: Path, files: dict[str, str]) -> None:
    write_atomic(out / MANIFEST, json.dumps({"files": files}, indent=1, sort_keys=True).encode())
