"""The location of a store: a database, and the folder of its raw files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

from harness.core.errors import StoreError
from harness.core.files import NoHome, data_dir, expanded
from harness.core.secrets import MASK, is_secret_name, masked, masked_word

VARIABLE = "EDGEBENCH_STORE"
_FILE = "store.sqlite"
_REMEDY = "give a path, sqlite:///path or postgresql+psycopg://host/database"
_KEYWORDS = re.compile(r"\s*(host|hostaddr|port|dbname|user|password|service)\s*=", re.IGNORECASE)
"""The beginning of a connection string of libpq, which would otherwise be the name of a file."""


@dataclass(frozen=True)
class StoreLocation:
    """The address of a store.

    Attributes:
        url: SQLAlchemy's URL of the database.
        file: The file of an SQLite database, else None.
        raw: The folder of raw files.

    """

    url: str
    file: Path | None
    raw: Path

    @property
    def folder(self) -> Path:
        """The folder of everything beside the database."""
        return self.raw.parent

    def __str__(self) -> str:
        """Return the file, or the URL without its password."""
        return str(self.file) if self.file else masked_word(self.url)

    def without_secrets(self, text: str) -> str:
        """Return a text of a driver without the passwords of this location, in whatever form it quotes them."""
        for secret in sorted(_secrets(self.url), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return masked(text)


def locate(location: Path | str | None = None) -> StoreLocation:
    """Resolve the location of a store.

    Args:
        location: A path or URL; None selects $EDGEBENCH_STORE, else the user's store (`default_file`). A folder, or a
            path without a suffix that is not a file, holds `store.sqlite`. A PostgreSQL URL may name the folder of raw
            files, `?raw=/srv/edgebench/raw`, by default one in the user's data folder.

    Raises:
        StoreError: The URL is of another kind, or cannot be taken apart.

    """
    text = str(location or os.environ.get(VARIABLE) or default_file())
    if "://" not in text:
        if _KEYWORDS.match(text):
            raise StoreError(f"'{masked_word(text)}' is not the location of a store", _REMEDY)
        return _sqlite(Path(text))
    scheme = text.partition("://")[0]
    if scheme == "sqlite":
        return _sqlite(Path(text.removeprefix("sqlite:///")))
    if scheme in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(text)
    raise StoreError(f"'{masked_word(text)}' is not the location of a store", _REMEDY)


def default_file() -> Path:
    """Return the path of the user's store: $XDG_DATA_HOME/edgebench/store.sqlite, by default below ~/.local/share."""
    return data_dir() / _FILE


def configured(explicit: Path | str | None = None) -> Path | str | None:
    """Return the store that runs are added to.

    That is `explicit` (--store), else $EDGEBENCH_STORE, else the user's store if it exists, else None.
    """
    if requested := explicit or os.environ.get(VARIABLE):
        return requested
    try:
        file = default_file()
    except NoHome:
        return None
    return file if file.is_file() else None


def _sqlite(path: Path) -> StoreLocation:
    path = expanded(path)
    if path.is_dir() or (not path.suffix and not path.is_file()):
        path = path / _FILE
    return StoreLocation(f"sqlite:///{path}", path, path.with_suffix(".raw"))


def _postgresql(url: str) -> StoreLocation:
    try:
        parts = urlsplit(url)
        whole = not parts.fragment and "@" not in parts.path + parts.query and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is none; the message would quote what may be a part of the password
        whole = False
    if not whole:
        raise StoreError(
            f"'{masked_word(url)}' is not the address of a database",
            "write / ? # @ : [ ] in a password or a parameter as %2F %3F %23 %40 %3A %5B %5D, or keep it in ~/.pgpass",
        )
    query = dict(parse_qsl(parts.query))
    raw = Path(query.pop("raw", data_dir() / "store.raw"))
    return StoreLocation(urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, urlencode(query), "")), None, raw)


def _secrets(url: str) -> set[str]:
    """Return the passwords of a URL, as they are written and decoded."""
    parts = urlsplit(url)
    written = {parts.password or ""} | {value for name, value in parse_qsl(parts.query) if is_secret_name(name)}
    plain = {unquote(secret) for secret in written}
    return {form for secret in written | plain for form in (secret, quote(secret), quote_plus(secret)) if len(form) > 2}
