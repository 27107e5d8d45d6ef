"""The HTTP server of `edgebench serve`: GET and HEAD only, one thread per connection, strict security headers."""

from __future__ import annotations

import ipaddress
import logging
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from harness.core.errors import UsageError

from .site import Response, Site

_LOG = logging.getLogger(__name__)
_LONGEST_WAIT_S = 30.0  # for the next byte of a client: a stalled one must not hold its thread forever


class ReportServer(ThreadingHTTPServer):
    """Serves one `Site` until `shutdown()`; `server_close()` frees the port."""

    daemon_threads = True

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
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.local = _is_loopback(host)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            message = f"cannot listen on {host} port {port}: {error.strerror}"
            raise UsageError(message, "choose another --port") from None

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
    timeout = _LONGEST_WAIT_S

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
        response = self.server.site.respond(urlsplit(self.path).path)
        self.send_response(response.status)
        self._send_headers(response)
        if with_body:
            self.wfile.write(response.body)

    def _is_host_allowed(self) -> bool:
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
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
