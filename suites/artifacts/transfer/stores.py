"""What a store is: files under the hash of their content, and a manifest of what they are.

A store is not trusted. `Store` moves bytes; whether they are the right ones is decided here, by their hash, in both
directions.

A store in a folder of this machine: a USB stick, a network drive.

A store in a folder of another machine, by the ssh that is installed here; there a shell and `cat` are enough.

A store behind an HTTP server that answers GET and PUT of /<sha256>.

From what a user writes to a store.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError, UsageError

MANIFEST = "manifest.json"
LARGEST_MANIFEST_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


class Store(ABC):
    """Named files somewhere. Names are hashes in hexadecimal digits, and `MANIFEST`.

    All methods raise SetupError where the place cannot be reached or refuses.
    """

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether a file of that name is there, right or wrong."""

    @abstractmethod
    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces; FileNotFoundError where there is none."""

    @abstractmethod
    def write(self, name: str, source: Path) -> None:
        """Put a file there in the place of any other of that name."""


def fetch(store: Store, sha256: str, size_bytes: int, target: Path) -> None:
    """Bring the file `sha256` to `target`, whole and right or not at all.

    Reading stops where there is more than was announced. SetupError when another file comes.
    """
    digest, received = hashlib.sha256(), 0
    unfinished = target.with_name(f".{target.name}.part")
    try:
        with unfinished.open("wb") as file:
            for piece in store.read(sha256):
                received += len(piece)
                if received > size_bytes:
                    break
                digest.update(piece)
                file.write(piece)
        if received != size_bytes or digest.hexdigest() != sha256:
            raise SetupError(f"{sha256[:12]} arrived as another file and was thrown away", "push it again, then pull")
        unfinished.replace(target)
    except FileNotFoundError as error:
        raise SetupError(f"{sha256[:12]} is named by the manifest, but not there", "push it again") from error
    finally:
        unfinished.unlink(missing_ok=True)


def deposit(store: Store, sha256: str, source: Path) -> bool:
    """Put the file `source` there unless it is, and read it back; whether it had to be put.

    SetupError when `source` is not the file `sha256`, or another comes back.
    """
    if sha256_of(source) != sha256:
        raise SetupError(f"{source} is not the file its manifest names", "edgebench artifacts verify")
    if store.has(sha256) and _hash_of(store, sha256) == sha256:
        return False
    store.write(sha256, source)
    if _hash_of(store, sha256) != sha256:
        raise SetupError(f"{source.name} was written, but comes back as another file", "look at the store's disk")
    return True


def _hash_of(store: Store, name: str) -> str:
    digest = hashlib.sha256()
    for piece in store.read(name):
        digest.update(piece)
    return digest.hexdigest()


def manifest_of(store: Store) -> bytes | None:
    """The manifest, None where there is none. SetupError where it is larger than any of ours."""
    content = bytearray()
    try:
        for piece in store.read(MANIFEST):
            content += piece
            if len(content) > LARGEST_MANIFEST_BYTES:
                raise SetupError("the store's manifest is too large", "it is not one that edgebench wrote")
    except FileNotFoundError:
        return None
    return bytes(content)


@dataclass(frozen=True)
class FolderStore(Store):
    """Files in `path`, which is made when something is put there."""

    path: Path

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.path / name).is_file()

    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces."""
        with (self.path / name).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def write(self, name: str, source: Path) -> None:
        """Copy beside, then rename: who reads meanwhile gets the old file or the new one."""
        unfinished = self.path / f".{name}.{os.getpid()}"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, unfinished)
            unfinished.replace(self.path / name)
        except OSError as error:
            raise SetupError(
                f"{self.path} cannot be written: {error.strerror}", "look at its rights and room"
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)


_ABSENT = 44
"""Exit status by which our own remote commands say that there is no such file; ssh itself fails with 255."""


@dataclass(frozen=True)
class SshStore(Store):
    """Files in `folder` of `host` ('user@board'); a relative folder is one of the user's home."""

    host: str
    folder: str

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return self._run(f"test -f {self._quoted(name)} || exit {_ABSENT}") != _ABSENT

    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces."""
        path = self._quoted(name)
        child = self._start(f"test -f {path} || exit {_ABSENT}; cat {path}", stdout=subprocess.PIPE)
        assert child.stdout is not None
        try:
            while piece := child.stdout.read(PIECE_BYTES):
                yield piece
        except GeneratorExit:  # the reader has seen enough
            child.kill()
            raise
        finally:
            child.stdout.close()
            status = child.wait()
        if status == _ABSENT:
            raise FileNotFoundError(f"{self.host}:{self.folder}/{name}")
        self._check(status, name)

    def write(self, name: str, source: Path) -> None:
        """Write beside, then rename: a broken connection leaves no half file under its name."""
        folder, unfinished, path = shlex.quote(self.folder), self._quoted(f".{name}.part"), self._quoted(name)
        with source.open("rb") as content:
            self._run(f"mkdir -p {folder} && cat > {unfinished} && mv {unfinished} {path}", content)

    def _quoted(self, name: str) -> str:
        return shlex.quote(f"{self.folder}/{name}")

    def _run(self, command: str, content: int | BinaryIO = subprocess.DEVNULL) -> int:
        status = self._start(command, stdin=content).wait()
        return status if status == _ABSENT else self._check(status, command)

    def _start(
        self, command: str, stdin: int | BinaryIO = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(["ssh", "--", self.host, command], stdin=stdin, stdout=stdout)  # noqa: S607
        except FileNotFoundError as error:
            raise SetupError("ssh is not installed", "sudo apt-get install openssh-client") from error

    def _check(self, status: int, what: str) -> int:
        if status:
            remedy = f"ssh {self.host} must work without a question, and {self.folder} be writable there"
            raise SetupError(f"ssh {self.host} ended with status {status} ({what:.60})", remedy)
        return status


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


_HOST = re.compile(r"(?:\w[\w.-]*@)?\w[\w.-]*", re.ASCII)


def open_store(text: str) -> Store:
    """'https://host/path', '[user@]host:path', or a folder. UsageError for another scheme or a host that is none.

    As with scp a colon before the first slash tells a host; write ./a:b for a folder of that name.
    """
    if re.match(r"https?://", text):
        return HttpStore(text)
    if "://" in text:
        raise UsageError(f"{text}: unknown kind of store", "a folder, user@host:path, http:// or https://")
    host, colon, folder = text.partition(":")
    if not colon or "/" in host:
        return FolderStore(Path(text).expanduser())
    if not _HOST.fullmatch(host):
        raise UsageError(f"{text}: '{host}' is no host", "write user@host:path, or ./name for a folder with a colon")
    return SshStore(host, (folder.removeprefix("~/") or ".").rstrip("/") or "/")
