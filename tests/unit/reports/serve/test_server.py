"""`edgebench serve` over a real socket."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import store
from harness.core.errors import UsageError
from reports.serve.run_sources import FolderSource, StoreSource
from reports.serve.server import ReportServer
from reports.serve.site import Site
from tests import factory


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    factory.write_run(folder / "first", factory.nets()[:3])
    factory.write_run(folder / 'second <"&', factory.nets()[:3], shift=1.5, started_utc="2026-01-02T00:00:00Z")
    (folder / "latest").symlink_to("first")
    (folder / "not-a-run").mkdir()
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def server(runs: Path) -> Iterator[ReportServer]:
    with ReportServer(Site(FolderSource(runs))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: ReportServer, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=120)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_it_listens_on_this_machine_only(server: ReportServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_address[1]}/"


def test_the_list_names_every_run_once_newest_first(server: ReportServer) -> None:
    answer, text = ask(server, "/")
    assert answer.status == 200
    assert text.index('href="/run/second%20%3C%22%26"') < text.index('href="/run/first"')
    assert "latest" not in text
    assert "not-a-run" not in text
    assert 'href="/compare/first/second%20%3C%22%26"' in text


def test_headers_isolate_the_page(server: ReportServer) -> None:
    answer, text = ask(server, "/run/first")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in policy
    assert "unsafe-eval" not in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert "3 precise, 0 usable with caution, 0 not" in text


def test_runs_of_a_target_are_its_history_and_two_can_be_compared(server: ReportServer) -> None:
    assert "3 of 3 cases slower" in ask(server, "/compare/first/second%20%3C%22%26")[1]
    assert "0 of 3 cases slower, 3 faster" in ask(server, "/compare/second%20%3C%22%26/first")[1]
    assert "2 runs on x86-64" in ask(server, "/target/x86-64")[1]


def test_units_of_a_target_are_listed_apart_in_the_order_of_the_store(tmp_path: Path) -> None:
    """The clock of one board starts in 1970; the runs of the other are none of its history."""
    with store.open(tmp_path / "store.sqlite") as opened:
        for number, (unit, year) in enumerate((("u1", 2026), ("u2", 2026), ("u1", 1970), ("u1", 2025))):
            about = {"run_id": f"r{number}", "started_utc": f"{year}-01-0{number + 1}T00:00:00Z"}
            host = {"machine_id": "card", "unit_id": unit}
            opened.append(factory.write_run(tmp_path / str(number), factory.nets()[:1], host=host, **about))
        site = Site(StoreSource(opened))
        page = site.respond("/").body.decode()
        assert re.findall(r"<h2[^>]*>(x86-64 u\d)", page) == ["x86-64 u1", "x86-64 u2"]
        assert re.findall(r'href="/run/(r\d)"', page) == ["r3", "r2", "r0", "r1"], "newest first, by board"
        assert re.findall(r'href="/compare/(r\d)/(r\d)"', page) == [("r2", "r3"), ("r0", "r2")]
        assert 'href="/target/x86-64/u1"' in page
        history = site.respond("/target/x86-64/u1").body.decode()
        assert "3 runs on x86-64" in history
        assert site.respond("/target/x86-64/u3").status == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/run/../../secret.txt", "/run/..%2f..%2fsecret.txt", "/run/%2e%2e%2fsecret.txt", "/run//etc/passwd"),
        *("/run/latest", "/run/first/run.json", "/run/", "/nothing", "/target/no-such-board", "/run/first%00"),
    ],
)
def test_a_path_is_a_name_and_never_a_file(server: ReportServer, path: str) -> None:
    answer, text = ask(server, path)
    assert answer.status == 404
    assert "secret" not in text.replace("secret.txt", "")


def test_a_name_from_the_address_is_text(server: ReportServer) -> None:
    assert "<script>alert" not in ask(server, "/run/%3Cscript%3Ealert(1)%3C/script%3E")[1]
    assert "&lt;script&gt;" in ask(server, "/run/%3Cscript%3Ealert(1)")[1]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_is_read_only(server: ReportServer, method: str) -> None:
    answer, _ = ask(server, "/", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


def test_head_has_the_headers_and_no_body(server: ReportServer) -> None:
    answer, text = ask(server, "/", "HEAD")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 1000
    assert text == ""


def test_foreign_host_names_are_rejected(server: ReportServer) -> None:
    """DNS rebinding: a foreign page could otherwise read what is served."""
    assert ask(server, "/", Host="evil.example")[0].status == 421
    assert ask(server, "/", Host="localhost:1")[0].status == 200


@pytest.mark.parametrize("host", ["[", "[::1", "]", "[x]:80", "a b", "", "\x7f", "localhost:x", "[" * 2000])
def test_a_host_that_is_none_is_rejected(server: ReportServer, host: str) -> None:
    assert ask(server, "/", Host=host)[0].status in (200, 421)
    assert ask(server, "/", Host="localhost:1")[0].status == 200, "and the next client is answered"


@pytest.mark.parametrize("path", ["//[", "//[::1", "/%", "/run/%ff%00", "//" * 500])
def test_an_odd_address_is_answered(server: ReportServer, path: str) -> None:
    assert ask(server, path)[0].status in (200, 400, 404)
    assert ask(server, "/")[0].status == 200


def test_a_page_is_built_once_until_its_run_changes(runs: Path) -> None:
    site = Site(FolderSource(runs))
    first = site.respond("/run/first").body
    assert site.respond("/run/first").body is first
    run = next(entry.reader for entry in site.source.entries() if entry.name == "first")
    run.append(run.records()[0])  # type: ignore[attr-defined]
    assert site.respond("/run/first").body is not first


def test_a_taken_port_and_a_missing_folder_are_usage_errors(server: ReportServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        ReportServer(server.site, port=server.server_address[1])
    with pytest.raises(UsageError, match="is not a folder"):
        FolderSource(tmp_path / "none")


def test_a_damaged_run_is_skipped_and_an_empty_folder_is_reported(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (run.path / "run.json").write_text("{")
    assert "No runs yet" in Site(FolderSource(tmp_path)).respond("/").body.decode()


def test_the_runs_of_a_store_are_served_too(tmp_path: Path) -> None:
    with store.open(tmp_path / "store.sqlite") as opened:
        for day in (1, 2):
            opened.append(
                factory.write_run(tmp_path / str(day), factory.nets()[:2], shift=day, run_id=f"night-{day}",
                                  started_utc=f"2026-01-0{day}T00:00:00Z")
            )  # fmt: skip
        opened.reset("new cooler", at_utc="2026-01-01T12:00:00Z")
        site = Site(StoreSource(opened))
        assert 'href="/compare/night-1/night-2"' in site.respond("/").body.decode()
        assert "2 precise, 0 usable with caution, 0 not" in site.respond("/run/night-2").body.decode()
        assert "declared reset: new cooler" in site.respond("/target/x86-64").body.decode()
        assert site.respond("/run/night-3").status == 404
