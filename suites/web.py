"""Requests over HTTP and HTTPS alone, wherever a server's redirects lead."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPMessage, HTTPResponse
from typing import IO
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.core.secrets import masked_word

SCHEMES = ("http", "https")


def opened(request: urllib.request.Request | str, timeout_s: float) -> HTTPResponse:
    """Return the answer to a request, after redirects to HTTP or HTTPS; one from HTTPS to HTTP is not followed.

    Raises:
        UsageError: The address is no address of the web.
        urllib.error.URLError: The server cannot be reached, refuses, or redirects elsewhere.
    """
    address = request if isinstance(request, str) else request.full_url
    if _scheme(address) not in SCHEMES:
        raise UsageError(
            f"{masked_word(address)} is no address of the web", "http:// or https://, or the path of a file"
        )
    answer: HTTPResponse = _opener().open(request, timeout=timeout_s)
    return answer


def _scheme(address: str) -> str:
    """Return the scheme of an address, '' where it has none or cannot be taken apart."""
    try:
        return urlsplit(address).scheme
    except ValueError:
        return ""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects within the web: urllib's own follows them to FTP, and from HTTPS to HTTP, as well."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request, or refuse."""
        before, after = _scheme(req.full_url), _scheme(newurl)
        if after not in SCHEMES or (before, after) == ("https", "http"):
            reason = f"redirects from {before} to {after or 'no scheme'}, which is not followed"
            raise urllib.error.HTTPError(req.full_url, code, reason, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that has no means to read files or FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()),
        *(_Redirects(), urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor()),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
