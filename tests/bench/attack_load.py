"""Attacks on secrets, downloads and the server: bounded, seeded, on this machine alone, in temporary folders.

    python tests/bench/attack_load.py

Each function returns rows of the table (attack, n, survived).
"""

from __future__ import annotations

import http.client
import random
import socket
import tempfile
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.cli.nightly import units
from harness.core.errors import StoreError, UsageError
from harness.core.secrets import masked, masked_word
from harness.store.database.location import locate
from reports.serve.run_sources import FolderSource
from reports.serve.server import MOST_CONNECTIONS, ReportServer
from reports.serve.site import Site
from suites.web import opened
from tests import factory

Row = tuple[str, int, int]
_SEED = 20
_SIGNS = "abcXYZ019@:/?#%&;='\"\\[]!$~+-_. "


def passwords(n: int = 2000) -> list[Row]:
    """Random passwords in every part of a store's address, on a command line and in a message."""
    chance, hidden, messages = random.Random(_SEED), 0, 0
    forms = (
        "postgresql://bench:{}@lab/db",
        "postgresql+psycopg://:{}@lab:5432/db",
        "--store=postgresql://bench:{}@lab/db?sslmode=require",
    )
    for _ in range(n):
        core = "".join(chance.choices("ABCDEFGHJK", k=8))
        noise = "".join(chance.choices(_SIGNS, k=4))
        word = chance.choice(forms).format(f"{noise[:2]}{core}{noise[2:]}")
        hidden += core not in masked_word(word)
        try:
            said = str(locate(word.removeprefix("--store=")))
        except StoreError as error:
            said = str(error)
        messages += core not in said
    parameters = 0
    for _ in range(n):
        core = "".join(chance.choices("ABCDEFGHJK", k=8))
        name = chance.choice(("password", "sslpassword", "pass%77ord", "PASSWORD"))
        text = chance.choice(("postgresql://lab/db?{}={}", "host=lab {}={} user=u", "connection to lab {} = {} failed"))
        parameters += core not in masked(text.format(name, core))
    return [
        ("password in an address", n, hidden),
        ("password in a message", n, messages),
        ("password parameter", n, parameters),
    ]


def unit_values(n: int = 2000) -> list[Row]:
    """Random values in a unit file: refused, or one line that begins no setting, specifier or variable of its own."""
    chance, safe = random.Random(_SEED), 0
    for _ in range(n):
        value = "".join(chance.choices(_SIGNS + "\n\r\t\0è\udcff", k=12))
        try:
            text = units.service("quick", Path("/srv"), ["/bin/edgebench", "run", value])
        except UsageError:
            safe += 1
            continue
        (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
        safe += "%" not in line.replace("%%", "") and "$" not in line.replace("$$", "")
    return [("value in a unit file", n, safe)]


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Redirect to the address behind the first slash."""
        self.send_response(302)
        self.send_header("Location", self.path[1:])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _served(server: ThreadingHTTPServer) -> Iterator[tuple[str, int]]:
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield str(server.server_address[0]), int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def redirects() -> list[Row]:
    """Redirects out of the web."""
    addresses = ("ftp://127.0.0.1:9/x", "file:///etc/passwd", "data:,x", "gopher://127.0.0.1/", "jar:x")
    refused = 0
    with _served(ThreadingHTTPServer(("127.0.0.1", 0), _Redirect)) as (host, port):
        for address in addresses:
            try:
                opened(f"http://{host}:{port}/{address}", 5).close()
            except (urllib.error.URLError, UsageError):
                refused += 1
    return [("redirect to another scheme", len(addresses), refused)]


def slow_clients(n: int = 300, asked: int = 20) -> list[Row]:
    """Clients that never finish their request, while others ask."""
    answered = 0
    with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
        factory.write_run(Path(scratch) / "run", factory.nets()[:1])
        server = ReportServer(Site(FolderSource(Path(scratch))))
        with _served(server) as address:
            slow = [socket.create_connection(address) for _ in range(n)]
            for connection in slow:
                connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
            for _ in range(asked):
                client = http.client.HTTPConnection(*address, timeout=60)
                client.request("GET", "/")
                answered += client.getresponse().status == 200
                client.close()
            held = len(server.connections)
            for connection in slow:
                connection.close()
    return [("request beside slow clients", asked, answered), ("slow clients", n, n if held <= MOST_CONNECTIONS else 0)]


ATTACKS: tuple[Callable[[], list[Row]], ...] = (passwords, unit_values, redirects, slow_clients)


def main() -> None:
    """Print the table."""
    for attack in ATTACKS:
        for name, n, survived in attack():
            print(f"{name:32} {n:6} {survived:6}")


if __name__ == "__main__":
    main()
