"""Places for stores: whatever uses one is tested on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A running PostgreSQL; the tests that need one are skipped where it is not installed."""
    if postgres.programs() is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    with postgres.server() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_store(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Gives the path or URL of a new store with its raw files below a folder, in each of the databases."""
    if request.param == "sqlite":
        return lambda folder: str(folder / "store.sqlite")
    server: str = request.getfixturevalue("postgres_url")
    return lambda folder: f"{_new_database(server)}&raw={folder / 'raw'}"


@pytest.fixture
def store_url(new_store: Callable[[Path], str], tmp_path: Path) -> str:
    """Where a new store may be, in each of the databases."""
    return new_store(tmp_path)


def _new_database(server: str) -> str:
    name = f"t{uuid.uuid4().hex}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")
