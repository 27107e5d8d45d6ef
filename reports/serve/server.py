"""The HTTP side of `edgebench serve`: reading requests alone, one thread each, with headers that keep pages apart."""

from __future__ import annotations

import ipaddress
import logging
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from harness.core.errors import UsageError

from .site import Site

_LOG = logging.getLogger(__name__)
_LONGEST_WAIT_S = 30.0  # for a client's next byte: a stalled one must not hold its thread for ever


class ReportServer(ThreadingHTTPServer):
    """Serves one `Site`. `server_close()` lets go of the port; `shutdown()` ends `serve_forever()`."""

    daemon_threads = True

    def __init__(self, site: Site, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on `host`; port 0: any free one. UsageError when that is not possible."""
        self.site = site
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.local = _is_loopback(host)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            what = f"cannot listen on {host} port {port}: {error.strerror}"
            raise UsageError(what, "choose another --port") from None

    @property
    def url(self) -> str:
        """Where the list of runs is."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    protocol_version = "HTTP/1.1"
    server_version = "edgebench"
    sys_version = ""
    timeout = _LONGEST_WAIT_S

    def do_GET(self) -> None:
        """Send a page."""
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        """Send a page's headers."""
        self._send(with_body=False)

    def _send(self, with_body: bool) -> None:
        if not self._host_is_meant():
            # a page elsewhere may let its name lead to 127.0.0.1, and would then read what is served here
            self.send_error(421, "this name is not served here")
            return
        answer = self.server.site.respond(urlsplit(self.path).path)
        self.send_response(answer.status)
        self._headers(answer.media, len(answer.body), answer.policy)
        if with_body:
            self.wfile.write(answer.body)

    def _host_is_meant(self) -> bool:
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        return not self.server.local or name == "localhost" or _is_loopback(name)

    def _headers(self, media: str, length: int, policy: str) -> None:
        headers = {
            "Content-Type": media,
            "Content-Length": str(length),
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self) -> None:
        self.close_connection = True  # a body may follow that nobody reads
        self.send_response(405)
        self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        _LOG.info("%s %s", self.address_string(), format % args)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
