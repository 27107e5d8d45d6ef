"""The engine of a store: SQLite in WAL mode or PostgreSQL, its tables at the newest version when it is handed out."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from harness.core.errors import StoreError

from .location import StoreLocation
from .schema import HEAD

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_PATIENCE_S = 120.0  # how long a writer waits for another one
_WRITERS = 0x65646765  # PostgreSQL's advisory lock of all writers: 'edge' in ASCII
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def connect(place: StoreLocation, create: bool) -> sa.Engine:
    """The engine of the store at `place`, migrated. StoreError when there is none, or it cannot be used."""
    if place.file is not None and not place.file.exists():
        if not create:
            raise StoreError(f"no store at {place}", "edgebench store add RUN makes one")
        with translated(place):
            place.file.parent.mkdir(parents=True, exist_ok=True)
    engine = _sqlite(place.file) if place.file is not None else _postgresql(place)
    try:
        with translated(place):
            _migrate(engine, place)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def writing(engine: sa.Engine, place: StoreLocation) -> Iterator[sa.Connection]:
    """A transaction that may write, one at a time whoever writes; committed at the end, or nothing of it remains."""
    with translated(place), engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
        yield connection


@contextlib.contextmanager
def reading(engine: sa.Engine, place: StoreLocation) -> Iterator[sa.Connection]:
    """A transaction that reads: all its queries see the same state."""
    with translated(place), engine.connect() as connection:
        yield connection


@contextlib.contextmanager
def translated(place: StoreLocation) -> Iterator[None]:
    """What the database or the file system refuses, as a StoreError that says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise StoreError(f"the store {place}: {_first_line(cause)}", _remedy(cause)) from error
    except OSError as error:
        file = f": {error.filename}" if error.filename else ""
        raise StoreError(f"the store {place}: {error.strerror}{file}", _remedy(error)) from error


def _sqlite(file: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": _PATIENCE_S}, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL lets readers work while one writes; 'full' puts a commit on the medium before it is acknowledged."""
    connection.isolation_level = None  # SQLAlchemy begins transactions, see _begin_sqlite
    with contextlib.suppress(sqlite3.OperationalError):  # a store on a read-only medium can still be read
        connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("PRAGMA foreign_keys = on")
    connection.execute("PRAGMA cache_size = -65536")


def _begin_sqlite(connection: sa.Connection) -> None:
    """A writer takes its lock at once: one that first reads could find its view outdated and would have to give up."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(place: StoreLocation) -> sa.Engine:
    try:
        engine = sa.create_engine(place.url)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(f"{place} needs psycopg", "pip install 'edgebench[postgres]'") from None
    except SQLAlchemyError as error:
        raise StoreError(f"{place}: {_first_line(error)}", "a URL is postgresql+psycopg://user@host/database") from None
    sa.event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _set_up_postgresql(connection: DBAPIConnection, _record: object) -> None:
    """Compiling a query to machine code takes longer than any of ours is quicker by it."""
    cursor = connection.cursor()
    cursor.execute("SET jit = off")
    cursor.close()
    connection.commit()


def _migrate(engine: sa.Engine, place: StoreLocation) -> None:
    """Bring the tables to HEAD. Alembic is imported only when there is something to do."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with writing(engine, place) as connection:
        version = _version(connection)  # again: another process may have been quicker
        if version is not None and version > HEAD:
            raise StoreError(f"the store {place} was written by a newer edgebench", "upgrade edgebench to use it")
        if version != HEAD:
            _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _remedy(error: Any) -> str:
    text = str(error).lower()
    if getattr(error, "errno", None) in _FULL or "full" in text or "no space" in text:
        return "make room; nothing was half written"
    if getattr(error, "errno", None) == errno.EROFS or "readonly" in text or "read-only" in text:
        return "it can only be read: choose another with --store"
    if "disk i/o error" in text:
        return "look whether there is room left, and whether the medium is sound"
    if "locked" in text:
        return "another program holds it: try again when that is done"
    if "malformed" in text or "not a database" in text:
        return "the file is damaged or no store: choose another with --store"
    return "look at the path or URL of --store and its permissions"
