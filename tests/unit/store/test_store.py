"""A store gives back what run folders hold, on both databases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import harness.store
from harness.core.errors import RecordError, StoreError, UnknownName, UsageError
from harness.core.execution import Execution
from harness.core.quantity import Missing
from harness.core.record import Record
from harness.store.database import schema, writer
from harness.store.database.engine import reading
from harness.store.database.filters import Filters
from harness.store.database.store import Store
from harness.store.frame import table, tidy
from harness.store.runfolder import RunFolder
from tests import factory

CASE = factory.nets()[0].case.id


def night(folder: Path, number: int, shift: float = 1.0, **changes: object) -> RunFolder:
    """A run of some cases on a day of January; its commit is the day's number."""
    provenance = {"repository": {"commit": f"c{number}", "dirty": False}, "target": {"kind": "generic", "sha256": "d"}}
    about = {"run_id": f"n{number}", "started_utc": f"2026-01-{number + 1:02d}T22:00:00Z", "provenance": provenance}
    plans = [*factory.nets(joules=True)[:3], *factory.troubled()[:4]]
    return factory.write_run(folder / f"n{number}", plans, shift=shift, **{**about, **changes})


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[RunFolder]:
    """Three nights."""
    folder = tmp_path_factory.mktemp("nights")
    return [night(folder, number, shift) for number, shift in enumerate((1.0, 1.1, 1.21))]


@pytest.fixture
def filled(store: Store, folders: list[RunFolder]) -> Store:
    """The nights."""
    for run in folders:
        store.append(run)
    return store


def test_tables_are_those_of_the_run_folders(filled: Store, folders: list[RunFolder]) -> None:
    pd.testing.assert_frame_equal(filled.read(form="wide"), table(folders), check_dtype=False)
    pd.testing.assert_frame_equal(filled.read(), tidy(folders), check_dtype=False)


def test_the_precision_had_stands_beside_the_one_asked_for(store: Store, tmp_path: Path) -> None:
    plans = factory.nets()[:2]
    run = factory.write_run(tmp_path / "run", plans, leave_out=2)
    for plan, effective in zip(plans, ("fp32", Missing("this runtime does not tell")), strict=True):
        run.append(dataclasses.replace(factory.record(run, plan), execution=Execution("fp16", effective)))
    store.append(run)
    for found in (table(run), store.read(form="wide")):
        assert list(found.precision_requested) == ["fp16", "fp16"]
        assert list(found.precision_effective) == ["fp32", None]


def test_a_choice_is_the_same_in_folders_and_store(filled: Store, folders: list[RunFolder]) -> None:
    paths = [run.path for run in folders]
    for choice in (
        {"model": "mobilenet_v2"},
        {"model": "mobilenet_v2-0.35-*", "metric": "latency_p?0_ns"},
        {"compression": "fp16", "since": "2026-01-02"},
        {"case": CASE, "until": "2026-01-02T22:00:00Z", "form": "wide"},
        {"run": "n1", "threads": 2, "form": "wide"},
        {"runtime": "litert-xnnpack", "suite": "quick", "target": "x86-64", "scenario": "SingleStream"},
    ):
        of_folders = harness.store.read(paths, **choice)
        assert len(of_folders)
        pd.testing.assert_frame_equal(harness.store.read(filled, **choice), of_folders, check_dtype=False)


CLOCKS = {"n0": "2026-01-05", "n1": "1970-01-01", "ahead": "2031-03-01", "n2": "2026-01-06", "n3": "2026-01-05"}
"""Five runs in the order in which they were added, and what the clock of the board said."""


def test_runs_are_in_the_order_of_adding_whatever_the_clock_said(store: Store, tmp_path: Path) -> None:
    added = []
    for number, (name, day) in enumerate(CLOCKS.items()):
        run = night(tmp_path, number, 1 + number / 10, run_id=name, started_utc=f"{day}T02:30:00Z")
        added.append(store.append(run).sequence)
    where = Filters(case=CASE, metric="latency_p50_ns")
    history, nights, latest = store.read(where), store.series(where.metric or ""), store.latest_against_previous(where)
    assert list(store.runs().run) == list(history.run) == [one.run_id for one in nights.runs] == list(CLOCKS)
    assert list(dict.fromkeys(store.read(where, "wide").run)) == list(CLOCKS)
    assert history.value.is_monotonic_increasing
    assert [text[:10] for text in history.started_utc] == list(CLOCKS.values()), "the clock is told as it was"
    assert (latest.run[0], latest.run_before[0]) == ("n3", "n2")
    assert added == sorted(added) == [one.id for one in nights.runs]
    assert store.check() == []


def test_times_select_by_what_the_clock_said(store: Store, tmp_path: Path) -> None:
    for number, (name, day) in enumerate(CLOCKS.items()):
        store.append(night(tmp_path, number, run_id=name, started_utc=f"{day}T02:30:00Z"))
    for since, until, found in (
        ("2026-01-06", None, ["ahead", "n2"]),
        (None, "2026-01-06", ["n0", "n1", "n3"]),
        ("2026-01-05", "2026-01-06", ["n0", "n3"]),
    ):
        where = Filters(case=CASE, metric="latency_p50_ns", since=since, until=until)
        assert list(store.runs(where).run) == list(store.read(where).run) == found
        assert [one.run_id for one in store.series("latency_p50_ns", where).runs] == found


def test_a_history_may_end_with_an_earlier_run(filled: Store) -> None:
    ended = filled.series("latency_p50_ns", Filters(case=CASE), last=2, run_id="n1")
    assert [one.run_id for one in ended.runs] == ["n0", "n1"]
    assert filled.series("latency_p50_ns", run_id="none").runs == ()


def test_latest_is_set_against_the_one_before(filled: Store) -> None:
    latest = filled.latest_against_previous(Filters(case=CASE)).set_index("metric")
    assert latest.loc["latency_p50_ns", "ratio"] == pytest.approx(1.1, rel=1e-3)
    assert (latest.loc["latency_p50_ns", "run"], latest.loc["latency_p50_ns", "run_before"]) == ("n2", "n1")
    assert latest.loc["top1", "ratio"] == 1.0
    assert "sqnr_db" not in latest.index  # never measured: no value, no row
    until = filled.latest_against_previous(Filters(case=CASE, metric="latency_p50_ns", until="2026-01-03"))
    assert list(until.run + until.run_before) == ["n1n0"]


def test_adding_twice_changes_nothing_and_a_resumed_run_adds_the_rest(store: Store, tmp_path: Path) -> None:
    plans = factory.nets()[:3]
    run = factory.write_run(tmp_path / "run", plans, leave_out=2)
    assert store.append(run).cells == 1
    assert dataclasses.astuple(store.append(run))[1:3] == (0, 0)
    for order, plan in enumerate(plans[1:], 1):
        run.append(factory.record(run, plan, order))
    run.write_header(dataclasses.replace(run.header(), interrupted=True))
    assert store.append(run).cells == 2
    assert store.records(run.header().run_id) == run.records()
    assert store.header(run.header().run_id).interrupted
    assert store.check() == []


def test_a_run_without_a_record_is_known(store: Store, tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets(), leave_out=24)
    assert store.append(run).cells == 0
    assert list(store.runs().run) == [run.header().run_id]
    assert store.read().empty
    assert store.read(form="wide").empty
    assert store.check() == []


def test_the_run_folder_may_go(store: Store, tmp_path: Path) -> None:
    run = night(tmp_path, 1)
    store.append(run)
    records, header = run.records(), run.header()
    sha256 = records[0].processes[0].blob.sha256
    samples = run.blob(sha256)["wall_ns"]
    for file in run.path.rglob("*.*"):
        file.unlink()
    assert store.records("n1") == records
    assert store.header("n1") == header
    np.testing.assert_array_equal(store.blob(sha256)["wall_ns"], samples)


def test_nights_are_arrays_in_seconds(filled: Store, folders: list[RunFolder]) -> None:
    nights = filled.series("latency_p50_ns", Filters(compression="fp32", runtime="onnxruntime-cpu", threads=1))
    assert [one.run_id for one in nights.runs] == ["n0", "n1", "n2"]
    row = next(index for index, one in enumerate(nights.series) if one.case_id == CASE)
    expected = [[process.median_ns / 1e9 for process in record_of(run).processes] for run in folders]
    np.testing.assert_allclose(nights.values[row], expected)
    assert nights.status[row].tolist() == ["precise"] * 3
    assert nights.build[row, 0] == nights.build[row, 2] != ""
    assert nights.n[row].tolist() == [3, 3, 3]
    last = filled.series("latency_p50_ns", Filters(case=CASE), last=2)
    assert [one.run_id for one in last.runs] == ["n1", "n2"]
    np.testing.assert_allclose(last.values[0], expected[1:])


def test_nights_hold_the_recorded_value_its_interval_and_the_hash_of_its_file(
    filled: Store, folders: list[RunFolder]
) -> None:
    nights = filled.series("latency_p50_ns", Filters(case=CASE))
    records = [record_of(run) for run in folders]
    figures = [record.quantity("latency_p50_ns") for record in records]
    for array, name in ((nights.value, "value"), (nights.lo, "lo"), (nights.hi, "hi")):
        np.testing.assert_allclose(array[0], [getattr(figure, name) / 1e9 for figure in figures])
    assert nights.artifact[0].tolist() == [record.artifact.sha256 for record in records if record.artifact]
    sizes = filled.series("artifact_bytes", Filters(case=CASE))
    assert sizes.value[0].tolist() == [record.value("artifact_bytes") for record in records]


def record_of(run: RunFolder) -> Record:
    return next(record for record in run.records() if record.case_id == CASE)


def test_a_metric_without_processes_has_its_one_value(filled: Store) -> None:
    nights = filled.series("top1", Filters(case=CASE))
    assert nights.values.shape == (1, 3, 1)
    assert nights.values[0, 0, 0] * nights.n[0, 0] == pytest.approx(9190)
    none = filled.series("latency_p50_ns", Filters(case="nothing"))
    assert none.values.shape == (0, 0, 1)


def test_a_missing_night_is_nan_and_a_crash_is_a_status(store: Store, tmp_path: Path) -> None:
    store.append(night(tmp_path, 0))
    plan = dataclasses.replace(factory.nets()[0], status="crashed")
    store.append(factory.write_run(tmp_path / "n1", [plan], run_id="n1", started_utc="2026-01-02T00:00:00Z"))
    nights = store.series("latency_p50_ns", Filters(case=CASE))
    assert nights.status.tolist() == [["precise", "crashed"]]
    assert np.isnan(nights.values[0, 1]).all()
    assert nights.artifact[0, 0] != ""


def test_runs_that_start_together_are_both_kept(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        store.append(factory.write_run(tmp_path / name, factory.nets()[:1], run_id=name))
    nights = store.series("latency_p50_ns")
    assert [run.run_id for run in nights.runs] == ["a", "b"]
    assert nights.runs[1].id - nights.runs[0].id == 1
    assert nights.runs[1].started_utc == nights.runs[0].started_utc


def test_units_of_one_board_have_series_of_their_own(store: Store, tmp_path: Path) -> None:
    for number in range(2):
        store.append(night(tmp_path, number, host={"machine_id": f"m{number}"}))
    assert {one.machine for one in store.series("latency_p50_ns").series} == {"m0", "m1"}
    assert len(store.series("latency_p50_ns", Filters(machine="m1", case=CASE)).series) == 1
    for number in range(2):
        (one,) = store.runs(Filters(machine=f"m{number}")).run
        assert one == f"n{number}"


def test_copies_of_one_card_are_units_of_their_own(store: Store, tmp_path: Path) -> None:
    for number, unit in enumerate(("u0", "u1", "u0")):
        store.append(night(tmp_path, number, host={"machine_id": "card", "unit_id": unit}))
    assert set(store.read().machine) == {"u0", "u1"}
    assert list(store.runs(Filters(machine="u0")).run) == ["n0", "n2"]
    latest = store.latest_against_previous(Filters(case=CASE, metric="latency_p50_ns"))
    assert (latest.machine[0], latest.run[0], latest.run_before[0]) == ("u0", "n2", "n0")
    assert len(latest) == 1, "one run of a unit has none before it"


def test_runs_without_a_unit_are_those_of_the_first_unit_with_their_system(store: Store, tmp_path: Path) -> None:
    hosts = [{"machine_id": "m"}, {"machine_id": "other"}, {"machine_id": "m", "unit_id": "u"}]
    for number, host in enumerate([*hosts, {"machine_id": "m", "unit_id": "copy"}]):
        store.append(night(tmp_path, number, host=host))
    runs = {name: list(store.runs(Filters(machine=name)).run) for name in ("u", "other", "copy", "m")}
    assert runs == {"u": ["n0", "n2"], "other": ["n1"], "copy": ["n3"], "m": []}
    assert store.check() == []


def test_resets(filled: Store) -> None:
    count = filled.reset("new cooler", Filters(model="mobilenet_v2-0.35-32"), at_utc="2026-01-02T00:00:00Z")
    assert count == len(filled.resets())
    nights = filled.series("latency_p50_ns")
    since = {one.model: int(first) for one, first in zip(nights.series, nights.since, strict=True)}
    assert since == {"mobilenet_v2-0.35-32": 1, "mobilenet_v2-1.0-224": 0}
    filled.reset("at its very start", Filters(model="mobilenet_v2-0.35-32"), at_utc="2026-01-03T22:00:00Z")
    assert filled.series("latency_p50_ns", Filters(case=CASE)).since.tolist() == [2]
    filled.reset("again")
    assert (filled.series("latency_p50_ns").since == 3).all()
    assert filled.resets().reason.unique().tolist() == ["new cooler", "at its very start", "again"]
    with pytest.raises(UsageError, match="needs a reason"):
        filled.reset(" ")
    with pytest.raises(UsageError, match="no series matches"):
        filled.reset("why", Filters(model="none"))
    with pytest.raises(UsageError, match="not to runs"):
        filled.reset("why", Filters(since="30d"))


def test_a_reset_now_is_before_the_next_run_whatever_its_clock_says(store: Store, tmp_path: Path) -> None:
    for number, day in enumerate(("2026-01-05", "2040-01-01")):
        store.append(night(tmp_path, number, started_utc=f"{day}T02:30:00Z"))
    store.reset("new fan")
    store.append(night(tmp_path, 2, started_utc="1970-01-01T00:01:00Z"))
    assert set(store.series("latency_p50_ns").since.tolist()) == {2}


def test_a_reset_at_a_time_begins_with_the_first_run_after_it(store: Store, tmp_path: Path) -> None:
    for number, day in enumerate(("2026-01-05", "1970-01-01", "2026-01-07", "1970-01-02")):
        store.append(night(tmp_path, number, started_utc=f"{day}T02:30:00Z"))
    store.reset("new fan", at_utc="2026-01-06")
    assert set(store.series("latency_p50_ns").since.tolist()) == {2}


def test_a_store_of_the_first_tables_keeps_its_order_and_its_resets(filled: Store) -> None:
    """The tables as 0.1 made them: the ids are starts, and a reset is a time."""
    filled.reset("new cooler", at_utc="2026-01-02T12:00:00Z")
    with filled._engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE reset DROP COLUMN since"))
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with Store(filled.location.url) as opened:
        assert list(opened.runs().run) == ["n0", "n1", "n2"]
        assert set(opened.series("latency_p50_ns").since.tolist()) == {1}


def test_tables_and_migrations_agree(store: Store) -> None:
    with reading(store._engine, store.location) as connection:
        found = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    parts = "metric_2"  # the months of PostgreSQL's `metric` are tables of their own
    assert [one for one in found if not getattr(one[1], "name", "").startswith(parts)] == []


def test_a_store_of_a_newer_version_is_refused(store: Store, store_url: str) -> None:
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer edgebench"):
        Store(store_url)


def test_what_is_wrong_is_found(filled: Store) -> None:
    assert filled.check() == []
    (record,) = [record for record in filled.records("n0") if record.case_id == CASE]
    file = filled.raw.file(record.processes[0].blob.sha256, "npz")
    file.rename(file.with_suffix(".away"))
    assert [str(file) in problem for problem in filled.check()] == [True]
    file.with_suffix(".away").rename(file)
    data = file.read_bytes()
    file.unlink()  # it is linked to the run folder's
    file.write_bytes(data[:-1])
    assert "do not match" in filled.check()[0]
    file.write_bytes(data)
    with filled._engine.begin() as connection:
        connection.execute(sa.delete(schema.blob).where(schema.blob.c.kind == "record"))
        connection.execute(sa.update(schema.metric).values(repeat=1).where(schema.metric.c.series == 1))
    problems = filled.check()
    assert any("has no record" in problem for problem in problems)
    assert any("3 rows of 'metric' belong to no case" in problem for problem in problems)


def test_after_a_large_run_the_planner_of_postgresql_knows(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its daemon looks once a minute: until then a history would be looked for in whole tables."""
    monkeypatch.setattr(writer, "ANALYZE_FROM_ROWS", 0)
    store.append(night(tmp_path, 0))
    assert len(store.read(Filters(case=CASE, metric="latency_p50_ns"))) == 1
    if store.location.file is None:
        with reading(store._engine, store.location) as connection:
            rows = connection.execute(
                sa.text("SELECT reltuples FROM pg_class WHERE relname = 'metric_2026_01'")
            ).scalar()
        assert rows is not None
        assert rows > 0


def test_a_run_that_lacks_a_blob_is_refused_whole(store: Store, tmp_path: Path) -> None:
    run = night(tmp_path, 0)
    next(run.path.glob("blobs/*")).unlink()
    with pytest.raises(RecordError, match="absent"):
        store.append(run)
    assert store.runs().empty


def test_a_damaged_record_is_left_out_and_named(store: Store, tmp_path: Path) -> None:
    run = night(tmp_path, 0)
    next(run.path.glob("records/*")).write_text("{")
    added = store.append(run)
    assert (added.cells, len(added.damaged)) == (6, 1)


def test_what_is_asked_for_must_exist(filled: Store) -> None:
    with pytest.raises(UnknownName, match="latency"):
        Filters(metric="latency")
    with pytest.raises(UsageError, match="is not a time"):
        Filters(since="yesterday")
    with pytest.raises(StoreError, match="no run 'x'"):
        filled.header("x")
    with pytest.raises(RecordError):
        filled.blob("0" * 64)
