"""What goes wrong around a store: writers killed, no room, no right to write, no store."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from harness.core.errors import StoreError
from harness.core.quantity import Missing
from harness.store.database.location import configured, default_file, locate
from harness.store.database.store import Store
from harness.store.runfolder import RunFolder
from tests import factory

ROOT = Path(__file__).parents[3]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", factory.nets()[:2])


def test_nothing_acknowledged_is_lost_when_writers_are_killed(store_url: str) -> None:
    """Two kills; `python -m tests.bench.store_kills` makes sixty."""
    command = [sys.executable, "-m", "tests.bench.store_kills", "--kills", "2", "--store", store_url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in the store" in done.stdout


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets())
    with Store(tmp_path / "store.sqlite") as store:
        pages = store._engine.connect().exec_driver_sql("PRAGMA page_count").scalar()
        sa.event.listen(store._engine, "connect", lambda dbapi, _: dbapi.execute(f"PRAGMA max_page_count = {pages}"))
        store._engine.dispose()
        with pytest.raises(StoreError, match="full") as caught:
            store.append(run)
        assert "free some space" in caught.value.remedy
    with Store(tmp_path / "store.sqlite") as store:
        assert store.runs().empty
        assert store.check() == []
        assert store.append(run).cells == len(factory.nets())


def test_no_room_for_a_raw_file(tmp_path: Path, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28), "blob")

    with Store(tmp_path / "store.sqlite") as store:
        monkeypatch.setattr("harness.store.database.blobs._link_or_copy", full)
        with pytest.raises(StoreError, match="No space left") as caught:
            store.append(run)
        assert "free some space" in caught.value.remedy
        assert store.runs().empty


def test_a_store_that_can_only_be_read_is_read_and_refuses_more(tmp_path: Path, run: RunFolder) -> None:
    place = tmp_path / "kept" / "store.sqlite"
    with Store(place) as store:
        store.append(run)
        sa.event.listen(store._engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA query_only = on"))
        store._engine.dispose()
        assert len(store.runs()) == 1
        with pytest.raises(StoreError, match="readonly") as caught:
            store.reset("new board")
    assert "is read-only" in caught.value.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=str(tmp_path)):
        Store(tmp_path / "store.sqlite")


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(b"a letter to a friend" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(file)
    with pytest.raises(StoreError, match="no store at"):
        Store(tmp_path / "other.sqlite", create=False)
    with pytest.raises(StoreError, match="not the location of a store"):
        Store("mysql://host/db")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="postgresql"):
        Store(f"postgresql://somebody:secret@/db?host={tmp_path}")
    assert "secret" not in str(locate("postgresql://somebody:secret@host/db"))


def test_where_a_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    assert default_file() == tmp_path / "edgebench" / "store.sqlite"
    assert configured() is None
    assert configured("x.db") == "x.db"
    with Store() as store:
        assert store.location.file == default_file()
    assert configured() == default_file()
    monkeypatch.setenv("EDGEBENCH_STORE", str(tmp_path / "other.db"))
    assert configured() == str(tmp_path / "other.db")
    assert locate().file == tmp_path / "other.db"
    assert locate("sqlite:////srv/bench.db").file == Path("/srv/bench.db")
    assert locate(tmp_path).file == tmp_path / "store.sqlite"
    place = locate("postgresql://u@h:5433/db?raw=/srv/raw&sslmode=verify-full")
    assert (place.url, place.raw) == ("postgresql+psycopg://u@h:5433/db?sslmode=verify-full", Path("/srv/raw"))


def test_a_zero_byte_in_the_message_of_a_runtime_does_not_stop_a_run_from_being_added(
    tmp_path: Path, store_url: str
) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (record,) = run.records()
    verdict = dataclasses.replace(record.verdict, status="crashed", reason="bad magic \0\1")
    missing = {name: Missing("crashed: bad magic \0\1") for name in record.metrics}
    run.append(dataclasses.replace(record, verdict=verdict, metrics=missing))
    with Store(store_url) as store:
        assert store.append(run).cells == 1
        assert store.check() == []
        assert store.records(run.header().run_id)[0].verdict == verdict
