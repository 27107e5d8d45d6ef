"""Downloads stay on the web: no redirect leads to a file, to FTP, or out of HTTPS."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from harness.core.errors import SetupError, UsageError
from suites.artifacts.transfer.stores import HttpStore
from suites.fetch import fetched
from suites.web import _Redirects, opened

ELSEWHERE = (
    "ftp://127.0.0.1:9/x",
    "file:///etc/passwd",
    "data:,x",
    "gopher://127.0.0.1/",
    "jar:http://x",
    "unix:/run/x",
)


class Redirects(BaseHTTPRequestHandler):
    """Answers /to/<address> with a redirect there, /loop with one to itself, and all else with its path."""

    def do_GET(self) -> None:
        code, _, address = self.path.lstrip("/").partition("/")
        if code.isdecimal():
            self.send_response(int(code))
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirects) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("code", [301, 302, 303, 307])
@pytest.mark.parametrize("address", ELSEWHERE)
def test_a_redirect_out_of_the_web_is_refused(web: str, code: int, address: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(urllib.error.HTTPError):
        opened(f"{web}/{code}/{address}", 5)
    with pytest.raises(SetupError, match=r"redirects from http to|is not allowed"):
        fetched(f"{web}/{code}/{address}#sha256={'0' * 64}")
    with pytest.raises(SetupError):
        next(HttpStore(f"{web}/{code}/{address}").read("x"))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_redirect_within_the_web_is_followed_and_a_loop_is_not(web: str) -> None:
    with opened(f"{web}/302/{web}/there", 5) as answer:
        assert answer.read() == b"/there"
    with opened(f"{web}/301//here", 5) as answer:
        assert answer.read() == b"/here"
    loop = f"{web}/302/" * 20
    with pytest.raises(urllib.error.HTTPError):
        opened(loop, 5)


@pytest.mark.parametrize(
    ("before", "after", "followed"),
    [("https", "https", True), ("http", "https", True), ("http", "http", True), ("https", "http", False)],
)
def test_https_is_not_left(before: str, after: str, followed: bool) -> None:
    request = urllib.request.Request(f"{before}://host/a")
    ask = lambda: _Redirects().redirect_request(request, BytesIO(), 302, "Found", HTTPMessage(), f"{after}://host/b")  # noqa: E731
    if followed:
        assert ask().full_url == f"{after}://host/b"
        return
    with pytest.raises(urllib.error.HTTPError, match=r"redirects from https to http"):
        ask()


@pytest.mark.parametrize("address", [*ELSEWHERE, "/etc/passwd", "", "http", "http://[", "https://[::"])
def test_no_other_address_is_opened(address: str) -> None:
    with pytest.raises(UsageError):
        opened(address, 5)
