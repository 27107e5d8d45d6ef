"""Stores of model files: each file under the hash of its content, and a manifest that describes them.

A store is a folder (a USB stick, a network drive), a folder of another machine by ssh, where a shell and `cat` are
enough, or an HTTP server that answers GET and PUT of /<sha256>. No store is trusted: every transfer is checked by hash.
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
from harness.core.errors import SetupError, UsageError, reason_of
from harness.core.files import expanded
from suites.web import opened

MANIFEST = "manifest.json"
LARGEST_MANIFEST_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


class Store(ABC):
    """Files by name. Names are hashes in hexadecimal digits, and `MANIFEST`.

    All methods raise SetupError when the store cannot be reached or refuses.
    """

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether a file of that name is there, right or wrong."""

    @abstractmethod
    def read(self, name: str) -> Iterator[bytes]:
        """Yield the file in pieces.

        Raises:
            FileNotFoundError: There is no such file.
        """

    @abstractmethod
    def write(self, name: str, source: Path) -> None:
        """Store a file under that name, replacing any other."""


def fetch(store: Store, sha256: str, size_bytes: int, target: Path) -> None:
    """Download the file `sha256` to `target`, whole and verified or not at all.

    Reading stops when there is more than `size_bytes`.

    Raises:
        SetupError: The file is missing or another one arrives.
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
            raise SetupError(f"{sha256[:12]} arrived as another file and was discarded", "push it again, then pull")
        unfinished.replace(target)
    except FileNotFoundError as error:
        raise SetupError(f"{sha256[:12]} is in the manifest but not in the store", "push it again") from error
    finally:
        unfinished.unlink(missing_ok=True)


def deposit(store: Store, sha256: str, source: Path) -> bool:
    """Upload the file `source` unless the store has it, and read it back.

    Returns:
        Whether it had to be uploaded.

    Raises:
        SetupError: `source` is not the file `sha256`, or another file is read back.
    """
    if sha256_of(source) != sha256:
        raise SetupError(f"{source} is not the file its manifest names", "edgebench artifacts verify")
    if store.has(sha256) and _hash_of(store, sha256) == sha256:
        return False
    store.write(sha256, source)
    if _hash_of(store, sha256) != sha256:
        raise SetupError(f"{source.name} was written but reads back as another file", "check the store's disk")
    return True


def _hash_of(store: Store, name: str) -> str:
    digest = hashlib.sha256()
    for piece in store.read(name):
        digest.update(piece)
    return digest.hexdigest()


def manifest_of(store: Store) -> bytes | None:
    """Return the manifest, or None.

    Raises:
        SetupError: It is larger than any that edgebench writes.
    """
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
    """Files in the folder `path`, which is created on the first upload."""

    path: Path

    def has(self, name: str) -> bool:
        """Return whether the file is there."""
        return (self.path / name).is_file()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the file in pieces."""
        with (self.path / name).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def write(self, name: str, source: Path) -> None:
        """Copy beside, then rename: a concurrent reader gets the old file or the new one."""
        unfinished = self.path / f".{name}.{os.getpid()}"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, unfinished)
            unfinished.replace(self.path / name)
        except OSError as error:
            raise SetupError(
                f"{self.path} cannot be written: {reason_of(error)}", "check its permissions and free space"
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)


_ABSENT = 44
"""Exit status of our remote commands for a missing file; ssh itself fails with 255."""


@dataclass(frozen=True)
class SshStore(Store):
    """Files in `folder` of `host` ('user@board'); a relative folder is below the user's home."""

    host: str
    folder: str

    def has(self, name: str) -> bool:
        """Return whether the file is there."""
        return self._run(f"test -f {self._quoted(name)} || exit {_ABSENT}") != _ABSENT

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the file in pieces."""
        path = self._quoted(name)
        child = self._start(f"test -f {path} || exit {_ABSENT}; cat {path}", stdout=subprocess.PIPE)
        assert child.stdout is not None
        try:
            while piece := child.stdout.read(PIECE_BYTES):
                yield piece
        except GeneratorExit:  # the reader stopped early
            child.kill()
            raise
        finally:
            child.stdout.close()
            status = child.wait()
        if status == _ABSENT:
            raise FileNotFoundError(f"{self.host}:{self.folder}/{name}")
        self._check(status, name)

    def write(self, name: str, source: Path) -> None:
        """Write beside, then rename: a broken connection leaves no half file under that name."""
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
            remedy = f"ssh {self.host} must work without a prompt, and {self.folder} must be writable there"
            raise SetupError(f"ssh {self.host} ended with status {status} ({what:.60})", remedy)
        return status


_TIMEOUT_S = 60


@dataclass(frozen=True)
class HttpStore(Store):
    """Files below `address`, which begins with http:// or https://. The server decides who may write."""

    address: str

    def has(self, name: str) -> bool:
        """Return whether the server answers HEAD with success."""
        try:
            with self._open(name, "HEAD"):
                return True
        except FileNotFoundError:
            return False

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the body of GET in pieces."""
        try:
            with self._open(name, "GET") as answer:
                while piece := answer.read(PIECE_BYTES):
                    yield piece
        except (OSError, HTTPException) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise self._failed(name, str(error)) from error

    def write(self, name: str, source: Path) -> None:
        """Upload with PUT and the file's length."""
        with source.open("rb") as body, self._open(name, "PUT", body, source.stat().st_size):
            pass

    def _open(self, name: str, method: str, body: BinaryIO | None = None, size_bytes: int = 0) -> HTTPResponse:
        url = f"{self.address.rstrip('/')}/{name}"
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"} if body else {}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310 see open_store
        try:
            return opened(request, _TIMEOUT_S)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.NOT_FOUND:
                raise FileNotFoundError(url) from error
            raise self._failed(name, f"{method} was answered with {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            raise self._failed(name, str(error)) from error

    def _failed(self, name: str, reason: str) -> SetupError:
        return SetupError(
            f"{self.address}: {name}: {reason}", "check that this machine can reach the server and has permission"
        )


_HOST = re.compile(r"(?:\w[\w.-]*@)?\w[\w.-]*", re.ASCII)


def open_store(text: str) -> Store:
    """Return the store at 'https://host/path', '[user@]host:path', or a folder.

    As with scp, a colon before the first slash ends a host; write ./a:b for a folder of that name.

    Raises:
        UsageError: Another scheme, or an invalid host.
    """
    if re.match(r"https?://", text):
        return HttpStore(text)
    if "://" in text:
        raise UsageError(f"{text}: unknown kind of store", "give a folder, user@host:path, http:// or https://")
    host, colon, folder = text.partition(":")
    if not colon or "/" in host:
        return FolderStore(expanded(Path(text)))
    if not _HOST.fullmatch(host):
        raise UsageError(
            f"{text}: '{host}' is not a host name", "write user@host:path, or ./name for a folder with a colon"
        )
    return SshStore(host, (folder.removeprefix("~/") or ".").rstrip("/") or "/")
