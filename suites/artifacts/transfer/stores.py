"""What a store is: files under the hash of their content, and a manifest of what they are.

A store is not trusted. `Store` moves bytes; whether they are the right ones is decided here, by their hash, in both
directions.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError

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
