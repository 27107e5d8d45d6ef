"""Many runs, many requests and many clients: what is read once, how much is held, who is answered."""

from __future__ import annotations

import dataclasses
import http.client
import json
import re
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import store
from harness.store.database.store import Store
from harness.store.runfolder import RunFolder
from reports.serve import server as server_module
from reports.serve import site as site_module
from reports.serve.connections import Connections, TimedReader
from reports.serve.heading import Heading
from reports.serve.index import Index
from reports.serve.publish import publish
from reports.serve.run_sources import FolderSource, StoreSource
from reports.serve.server import ReportServer
from reports.serve.site import RunEntry, Site
from tests import factory


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Five run folders of one case each, r0 the oldest."""
    for number in range(5):
        factory.write_run(
            tmp_path / f"r{number}",
            factory.nets()[:1],
            run_id=f"r{number}",
            started_utc=f"2026-01-{number + 1:02d}T00:00:00Z",
        )
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the header of each run was read for the list, records left aside."""
    monkeypatch.setattr(site_module, "MOST_READ", 0)
    counts: Counter[str] = Counter()
    of_folder, of_store = RunFolder.header, Store.header

    def counted(run: RunFolder) -> object:
        counts[run.path.name] += 1
        return of_folder(run)

    def counted_in_store(opened: Store, run_id: str) -> object:
        counts[run_id] += 1
        return of_store(opened, run_id)

    monkeypatch.setattr(RunFolder, "header", counted)
    monkeypatch.setattr(Store, "header", counted_in_store)
    return counts


def test_a_header_is_read_once_and_again_when_it_is_written(runs: Path, read: Counter[str]) -> None:
    site = Site(FolderSource(runs))
    for _ in range(50):
        assert site.respond("/").status == 200
        assert site.respond("/nothing").status == 404
    assert read == Counter([f"r{number}" for number in range(5)])
    header = RunFolder(runs / "r3").header()
    read.clear()
    RunFolder(runs / "r3").write_header(dataclasses.replace(header, interrupted=True))
    assert b"interrupted" in site.respond("/").body
    assert read == Counter(["r3"])
    shutil.rmtree(runs / "r1")
    assert b'href="/run/r1"' not in site.respond("/").body
    (runs / "r2" / "run.json").write_text("{")
    assert b'href="/run/r2"' not in site.respond("/").body
    read.clear()
    site.respond("/")
    assert not read, "what cannot be read is not tried again until it changes"


def test_a_store_is_read_once_and_again_when_a_run_is_added(runs: Path, read: Counter[str], tmp_path: Path) -> None:
    with store.open(tmp_path / "s.sqlite") as opened:
        for number in range(4):
            opened.append(RunFolder(runs / f"r{number}"))
        read.clear()
        site = Site(StoreSource(opened))
        pages = {site.respond("/").body for _ in range(20)}
        assert len(pages) == 1
        assert read == Counter([f"r{number}" for number in range(4)])
        stamps = {run.run_id: run.stamp for run in opened.stamps()}
        opened.append(RunFolder(runs / "r4"))
        read.clear()
        text = site.respond("/").body.decode()
        assert read == Counter(["r4"])
        assert text.index('href="/run/r4"') < text.index('href="/run/r3"')
        header = dataclasses.replace(RunFolder(runs / "r0").header(), ended_utc="2026-01-09T00:00:00Z")
        RunFolder(runs / "r0").write_header(header)
        opened.append(RunFolder(runs / "r0"))
        changed = {run.run_id for run in opened.stamps() if stamps.get(run.run_id) != run.stamp}
        assert changed == {"r0", "r4"}


def test_the_list_is_made_once_while_nothing_changes(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Counter[str]()
    render = site_module.render_template
    monkeypatch.setattr(site_module, "render_template", lambda name, **how: made.update([name]) or render(name, **how))
    site = Site(FolderSource(runs))
    for _ in range(10):
        site.respond("/")
    assert made == Counter(["runs.html"])


def test_runs_beyond_a_page_are_on_the_next(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "PER_PAGE", 2)
    site = Site(FolderSource(runs))
    shown = []
    for path in ("/", "/page/2", "/page/3"):
        text = site.respond(path).body.decode()
        shown += re.findall(r'href="/run/(r\d)"', text)
        assert "5 runs" in text
        assert 'aria-current="page"' in text
    assert shown == ["r4", "r3", "r2", "r1", "r0"], "each once, newest first"
    assert 'href="/compare/r2/r3"' in site.respond("/").body.decode(), "across the edge of a page"
    assert 'href="/page/2"' in site.respond("/").body.decode()
    for path in ("/page/0", "/page/4", "/page/-1", "/page/x", "/page/²", "/page/99999999999", "/page"):
        assert site.respond(path).status == 404, path
    monkeypatch.setattr(site_module, "MOST_RUNS", 3)
    assert "The newest 3 runs in one report" in Site(FolderSource(runs)).respond("/").body.decode()
    out = tmp_path / "out"
    publish(FolderSource(runs), out)
    pages = [path.read_text() for path in out.glob("*.html") if "newest first" in path.read_text()]
    assert len(pages) == 3
    assert all((out / name).is_file() for page in pages for name in re.findall(r'href="([^":]+\.html)"', page))


def test_records_of_the_newest_runs_alone_are_read_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "MOST_READ", 2)
    read = Counter[str]()
    of_run = site_module.read_run
    monkeypatch.setattr(site_module, "read_run", lambda run: read.update([run.path.name]) or of_run(run))
    site = Site(FolderSource(runs))
    for path in ("/", "/", "/page/1"):
        text = site.respond(path).body.decode()
    assert read == {"r4": 1, "r3": 1}
    assert len(re.findall(r'href="/run/r\d"', text)) == 5
    assert "cannot be read" not in text
    factory.write_run(runs / "r5", factory.nets()[:1], run_id="r5", started_utc="2026-02-01T00:00:00Z")
    site.respond("/")
    assert read == {"r5": 1, "r4": 1, "r3": 1}


def test_the_memory_of_pages_is_bounded(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_back = []
    monkeypatch.setattr(site_module, "give_back", lambda: given_back.append(1))
    monkeypatch.setattr(site_module, "_MOST_CACHED_BYTES", 1000)
    site = Site(FolderSource(runs))
    monkeypatch.setattr(Site, "_build", lambda *_: b"x" * 600)
    for number in (0, 1, 2, 2):
        assert site.respond(f"/run/r{number}").status == 200
    assert len(given_back) == 3, "one for each page that was built"
    assert len(site._cache) == 1


def test_an_entry_of_the_list_is_small(runs: Path) -> None:
    entry = FolderSource(runs).entries()[0]
    assert isinstance(entry, RunEntry)
    assert isinstance(entry.header, Heading)
    assert not hasattr(entry.header, "__dict__")
    assert len(json.dumps(dataclasses.asdict(entry.header))) < 500


def test_an_index_gives_the_same_tuple_until_something_changes() -> None:
    index = Index[str, str](lambda key: None if key == "bad" else key.upper())
    first = index.listed([("a", 1), ("bad", 1), ("b", 1)])
    assert first == ("A", "B")
    assert index.listed([("a", 1), ("bad", 1), ("b", 1)]) is first
    assert index.listed([("b", 1), ("a", 1), ("bad", 1)]) == ("B", "A")
    assert index.listed([("b", 2), ("a", 1), ("bad", 1)]) is not first
    assert index.listed([]) == ()


def test_the_connection_that_waits_longest_makes_room() -> None:
    held, pairs = Connections(2), [socket.socketpair() for _ in range(4)]
    first, second, third, fourth = (pair[0] for pair in pairs)
    try:
        assert held.admit(first)
        assert held.admit(second)
        assert held.answers(first)
        assert held.admit(third), "in the place of the second, since the first is being answered"
        assert not held.answers(second)
        assert pairs[1][1].recv(1) == b"", "it is closed"
        assert held.answers(third)
        assert not held.admit(fourth), "no answer is cut off"
        assert len(held) == 2
        held.waits(first)
        assert held.admit(fourth)
        held.forget(fourth)
        held.forget(second)
        assert len(held) == 1
    finally:
        for pair in pairs:
            for end in pair:
                end.close()


def test_a_drip_of_bytes_gains_no_time() -> None:
    here, there = socket.socketpair()
    now = [0.0]
    with here, there:
        reader = TimedReader(here, clock=lambda: now[0])
        reader.allow(10)
        for _ in range(9):
            there.send(b"x")
            assert reader.read(1) == b"x"
            now[0] += 1.2
        there.send(b"x")
        with pytest.raises(TimeoutError):
            reader.read(1)
        reader.allow(10)
        assert reader.read(1) == b"x"


@pytest.fixture
def server(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReportServer]:
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 4)
    with ReportServer(Site(FolderSource(runs))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_clients_that_never_ask_keep_nobody_out(server: ReportServer) -> None:
    address = server.server_address[:2]
    slow = [socket.create_connection(address) for _ in range(30)]
    try:
        for connection in slow:
            connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        for _ in range(5):
            asked = http.client.HTTPConnection(*address, timeout=60)
            asked.request("GET", "/")
            assert asked.getresponse().status == 200
            asked.close()
        assert len(server.connections) <= 4
    finally:
        for connection in slow:
            connection.close()


def test_a_request_that_does_not_arrive_in_time_is_not_awaited(server: ReportServer) -> None:
    server.request_s = 0.0
    with socket.create_connection(server.server_address[:2]) as connection:
        connection.settimeout(60)
        assert connection.recv(1) == b""
