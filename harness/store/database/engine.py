"""SQLAlchemy engines of stores: SQLite in WAL mode or PostgreSQL, migrated to the newest tables."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from harness.core.errors import StoreError, reason_of
from harness.core.files import DISK_FULL

from .location import StoreLocation
from .schema import HEAD

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_LOCK_TIMEOUT_S = 120.0  # how long a writer waits for another one
_WRITER_LOCK = 0x65646765  # PostgreSQL's advisory lock of all writers: 'edge' in ASCII


def connect(location: StoreLocation, create: bool) -> sa.Engine:
    """Return the migrated engine of a store; StoreError if it does not exist or cannot be used."""
    if location.file is not None and not location.file.exists():
        if not create:
            raise StoreError(f"no store at {location}", "edgebench store add RUN creates one")
        with translated(location):
            location.file.parent.mkdir(parents=True, exist_ok=True)
    engine = _sqlite(location.file) if location.file is not None else _postgresql(location)
    try:
        with translated(location):
            _migrate(engine, location)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def writing(engine: sa.Engine, location: StoreLocation) -> Iterator[sa.Connection]:
    """Open a transaction that may write, one at a time across all processes; commit it, or roll back on an error."""
    with translated(location), engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
        yield connection


@contextlib.contextmanager
def reading(engine: sa.Engine, location: StoreLocation) -> Iterator[sa.Connection]:
    """Open a transaction that reads; all its queries see the same state."""
    with translated(location), engine.connect() as connection:
        yield connection


@contextlib.contextmanager
def translated(location: StoreLocation) -> Iterator[None]:
    """Turn errors of the database and the file system into a StoreError that says what to do."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise StoreError(f"the store {location}: {_told(cause, location)}", _remedy(cause)) from None
    except OSError as error:
        file = f": {error.filename}" if error.filename else ""
        raise StoreError(f"the store {location}: {reason_of(error)}{file}", _remedy(error)) from error


def _sqlite(file: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{file}", connect_args={"timeout": _LOCK_TIMEOUT_S}, poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Set WAL mode, in which reading goes on during a write, and make each commit durable before it returns."""
    connection.isolation_level = None  # SQLAlchemy begins transactions, see _begin_sqlite
    with contextlib.suppress(sqlite3.OperationalError):  # a store on a read-only medium can still be read
        connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("PRAGMA foreign_keys = on")
    connection.execute("PRAGMA cache_size = -65536")


def _begin_sqlite(connection: sa.Connection) -> None:
    """Begin a transaction; one that writes locks at once, since its snapshot could be outdated after a read."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(location: StoreLocation) -> sa.Engine:
    try:
        engine = sa.create_engine(location.url)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(f"{location} needs psycopg", "pip install 'edgebench[postgres]'") from None
    except SQLAlchemyError as error:
        raise StoreError(
            f"{location}: {_told(error, location)}", "a URL is postgresql+psycopg://user@host/database"
        ) from None
    sa.event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _set_up_postgresql(connection: DBAPIConnection, _record: object) -> None:
    """Turn off JIT compilation, which costs these queries more time than it saves."""
    cursor = connection.cursor()
    cursor.execute("SET jit = off")
    cursor.close()
    connection.commit()


def _migrate(engine: sa.Engine, location: StoreLocation) -> None:
    """Migrate the tables to HEAD; import Alembic only if there is something to do."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with writing(engine, location) as connection:
        version = _version(connection)  # once more: another process may have migrated meanwhile
        if version is not None and version > HEAD:
            raise StoreError(f"the store {location} was written by a newer edgebench", "upgrade edgebench to use it")
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


def _told(error: BaseException, location: StoreLocation) -> str:
    """Return the first line of a driver's message, without the passwords that it may quote."""
    return location.without_secrets(next(iter(str(error).strip().splitlines()), type(error).__name__))


def _remedy(error: Any) -> str:
    text = str(error).lower()
    if getattr(error, "errno", None) in DISK_FULL or "full" in text or "no space" in text:
        return "free some space; nothing was partly written"
    if getattr(error, "errno", None) == errno.EROFS or "readonly" in text or "read-only" in text:
        return "it is read-only: choose another with --store"
    if "disk i/o error" in text:
        return "check the free space and the health of the disk"
    if "locked" in text:
        return "another program has locked it: try again when it is done"
    if "malformed" in text or "not a database" in text:
        return "the file is damaged or not a store: choose another with --store"
    return "check the path or URL of --store and its permissions"
