"""Where a store is: a database, and beside it the folder of its raw files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.core.errors import StoreError
from harness.core.files import data_dir

VARIABLE = "EDGEBENCH_STORE"
_FILE = "store.sqlite"


@dataclass(frozen=True)
class StoreLocation:
    """A store's address: `url` as SQLAlchemy takes it, `file` of an SQLite store (None elsewhere), `raw` files."""

    url: str
    file: Path | None
    raw: Path

    @property
    def folder(self) -> Path:
        """The folder of everything that is kept beside the database."""
        return self.raw.parent

    def __str__(self) -> str:
        """As a person may see it, without a password."""
        return str(self.file) if self.file else re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", self.url)


def locate(where: Path | str | None = None) -> StoreLocation:
    """The place of a path, a URL, or None: $EDGEBENCH_STORE, else the user's own store (`default_file`).

    A folder, or a path without a suffix that is no file, holds `store.sqlite`. A PostgreSQL URL may say where raw
    files go, `?raw=/srv/edgebench/raw`; they go to the user's data folder otherwise. StoreError for any other URL.
    """
    text = str(where or os.environ.get(VARIABLE) or default_file())
    if "://" not in text:
        return _sqlite(Path(text))
    scheme = text.partition("://")[0]
    if scheme == "sqlite":
        return _sqlite(Path(text.removeprefix("sqlite:///")))
    if scheme in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(text)
    raise StoreError(
        f"no store can be at '{text}'", "give a path, sqlite:///path or postgresql+psycopg://host/database"
    )


def default_file() -> Path:
    """The user's own store: $XDG_DATA_HOME/edgebench/store.sqlite, by default below ~/.local/share."""
    return data_dir() / _FILE


def configured(explicit: Path | str | None = None) -> Path | str | None:
    """Where runs are to be added: `explicit` (--store), else $EDGEBENCH_STORE, else the user's store once there is one.

    None: nobody has asked for a store on this machine.
    """
    chosen = explicit or os.environ.get(VARIABLE)
    return chosen or (default_file() if default_file().is_file() else None)


def _sqlite(path: Path) -> StoreLocation:
    path = path.expanduser()
    if path.is_dir() or (not path.suffix and not path.is_file()):
        path = path / _FILE
    return StoreLocation(f"sqlite:///{path}", path, path.with_suffix(".raw"))


def _postgresql(url: str) -> StoreLocation:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    raw = Path(query.pop("raw", data_dir() / "store.raw"))
    return StoreLocation(urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, urlencode(query), "")), None, raw)
