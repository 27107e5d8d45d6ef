"""The HTTP server of `edgebench serve`: GET and HEAD only, strict security headers.

There is one thread per connection and a bound on connections; each has a time in which its request must have arrived
whole, and one in which it must have taken the answer.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from harness.core.errors import UsageError, reason_of

from .connections import Connections, TimedReader
from .site import Response, Site

_LOG = logging.getLogger(__name__)
MOST_CONNECTIONS = 64
REQUEST_S = 10.0
"""How long a request may take to arrive, or the next one on the same connection."""

ANSWER_S = 60.0
"""How long a client may take to fetch an answer, of 15 MB at most as a rule."""


class ReportServer(ThreadingHTTPServer):
    """Serves one `Site` until `shutdown()`; `server_close()` frees the port."""

    daemon_threads = True
    request_queue_size = 128  # of connections that are not yet taken in

    def __init__(self, site: Site, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on an address.

        Args:
            site: The pages to serve.
            host: A name or an IP address of this machine.
            port: A port; 0 picks a free one.

        Raises:
            UsageError: It is not possible to listen there.

        """
        self.site = site
        self.connections = Connections(MOST_CONNECTIONS)
        self.request_s = REQUEST_S
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.local = _is_loopback(host)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            message = f"cannot listen on {host} port {port}: {reason_of(error)}"
            raise UsageError(message, "choose another --port") from None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own; close it at once where there is no room."""
        if self.connections.admit(request):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.connections.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log why an answer failed; a client that has gone is no fault."""
        error = sys.exc_info()[1]
        level = logging.INFO if isinstance(error, OSError) else logging.ERROR
        _LOG.log(level, "%s: %s", client_address, error, exc_info=level == logging.ERROR)

    @property
    def url(self) -> str:
        """The address of the list of runs."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    protocol_version = "HTTP/1.1"
    server_version = "edgebench"
    sys_version = ""
    timeout = ANSWER_S

    def setup(self) -> None:
        """Read the connection with a deadline."""
        super().setup()
        self._reader = TimedReader(self.connection)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        """Read a request and answer it, each in its time."""
        self.server.connections.waits(self.connection)
        self._reader.allow(self.server.request_s)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the headers; False where the request is not answered."""
        whole = super().parse_request() and self.server.connections.answers(self.connection)
        self.connection.settimeout(ANSWER_S)
        return whole

    def do_GET(self) -> None:
        """Send a page."""
        self._send(with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers of a page."""
        self._send(with_body=False)

    def _send(self, with_body: bool) -> None:
        if not self._is_host_allowed():
            # DNS rebinding: a foreign site whose name resolves to 127.0.0.1 could otherwise read what is served here
            self.send_error(421, "this host name is not served here")
            return
        try:
            path = urlsplit(self.path).path
        except ValueError:  # such as '//['
            self.send_error(400, "this is no address of a page")
            return
        response = self.server.site.respond(path)
        self.send_response(response.status)
        self._send_headers(response)
        if with_body:
            self.wfile.write(response.body)

    def _is_host_allowed(self) -> bool:
        try:
            name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        except ValueError:  # such as '['
            name = ""
        return not self.server.local or name == "localhost" or _is_loopback(name)

    def _send_headers(self, response: Response) -> None:
        headers = {
            "Content-Type": response.media_type,
            "Content-Length": str(len(response.body)),
            "Content-Security-Policy": f"{response.policy}; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self) -> None:
        self.close_connection = True  # the request may have a body, which is not read
        self.send_response(405)
        self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name in the base class
        _LOG.info("%s %s", self.address_string(), format % args)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
