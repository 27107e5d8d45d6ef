"""A store behind an HTTP server that answers GET and PUT of /<sha256>."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from harness.core.errors import SetupError

from .stores import PIECE_BYTES, Store

_TIMEOUT_S = 60


@dataclass(frozen=True)
class HttpStore(Store):
    """Files below `address`, which begins with http:// or https://. Who may write is the server's business."""

    address: str

    def has(self, name: str) -> bool:
        """Whether the server answers HEAD with success."""
        try:
            with self._open(name, "HEAD"):
                return True
        except FileNotFoundError:
            return False

    def read(self, name: str) -> Iterator[bytes]:
        """The body of GET in pieces."""
        try:
            with self._open(name, "GET") as answer:
                while piece := answer.read(PIECE_BYTES):
                    yield piece
        except (OSError, HTTPException) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise self._failed(name, str(error)) from error

    def write(self, name: str, source: Path) -> None:
        """PUT with the file's length."""
        with source.open("rb") as body, self._open(name, "PUT", body, source.stat().st_size):
            pass

    def _open(self, name: str, method: str, body: BinaryIO | None = None, size_bytes: int = 0) -> HTTPResponse:
        url = f"{self.address.rstrip('/')}/{name}"
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"} if body else {}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 see open_store
        try:
            answer: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 see open_store
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.NOT_FOUND:
                raise FileNotFoundError(url) from error
            raise self._failed(name, f"{method} was answered with {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            raise self._failed(name, str(error)) from error
        return answer

    def _failed(self, name: str, reason: str) -> SetupError:
        return SetupError(f"{self.address}: {name}: {reason}", "see whether this machine reaches the server, and may")
