from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.errors import RecordError, UsageError
from harness.core.files import record_name
from harness.core.quantity import Value
from harness.core.record import SCHEMA
from harness.store.runfolder import RunFolder
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", factory.nets()[:3])


def test_what_was_written_is_read_back_in_planned_order(tmp_path: Path) -> None:
    plans = factory.nets()[:3] + factory.troubled()
    run = RunFolder.create(tmp_path, factory.header(plans))
    written = [factory.record(run, plan, order) for order, plan in enumerate(plans)]
    for record in reversed(written):
        run.append(record)
    assert run.records() == written
    assert run.header() == factory.header(plans)
    assert run.missing() == ()


def test_a_second_run_in_the_same_folder_is_refused(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(run.path, run.header())


def test_of_processes_that_want_one_folder_at_once_each_gets_its_own_or_is_refused(tmp_path: Path) -> None:
    header = factory.header(factory.nets()[:1])

    def create(number: bool) -> RunFolder | UsageError:
        try:
            return RunFolder.create(tmp_path / f"run-{number}", header, number=number)
        except UsageError as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        kept, refused = (list(pool.map(create, [number] * 8)) for number in (True, False))
    assert {run.path.name for run in kept} == {"run-True", *(f"run-True-{number}" for number in range(2, 9))}
    assert sum(isinstance(one, RunFolder) for one in refused) == 1


def test_a_header_without_records_is_a_run_that_is_not_overwritten(tmp_path: Path) -> None:
    header = factory.header(factory.nets()[:1])
    (RunFolder.create(tmp_path / "run", header).path / "records").rmdir()
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(tmp_path / "run", dataclasses.replace(header, run_id="another"))
    assert RunFolder(tmp_path / "run").header() == header


def test_planned_cases_without_a_record_are_named(tmp_path: Path) -> None:
    plans = factory.nets()[:4]
    run = factory.write_run(tmp_path, plans, leave_out=2)
    assert run.missing() == tuple(plan.case.id for plan in plans[2:])


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not a run folder"):
        RunFolder(tmp_path).header()


def test_blob_comes_back_and_is_checked(run: RunFolder) -> None:
    samples = np.array([3, 1, 2], dtype=np.int64)
    sha256, n = run.put_blob({"wall_ns": samples})
    assert n == 3
    assert run.put_blob({"wall_ns": samples}) == (sha256, n)
    assert run.blob(sha256)["wall_ns"].tolist() == [3, 1, 2]
    file = run.path / "blobs" / f"{sha256}.npz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RecordError, match="do not match"):
        run.blob(sha256)


def test_a_blob_that_is_gone_and_a_name_that_is_a_path(run: RunFolder) -> None:
    with pytest.raises(RecordError, match="No such file"):
        run.blob("0" * 64)
    with pytest.raises(RecordError, match="not the name of a blob"):
        run.blob("../../run.json")


def test_objects_are_not_pickled_into_blobs(run: RunFolder) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        run.put_blob({"objects": np.array([{}], dtype=object)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: text.replace('"log"', '"lag"'), "key 'lag': Unexpected keyword"),
        (lambda text: text.replace(f'"schema": {SCHEMA}', '"schema": 99'), "written by a newer edgebench"),
        (lambda text: text.replace('"duration_s": 3.5', '"duration_s": NaN'), "NaN is not a JSON number"),
        (lambda text: text.replace('"duration_s": 3.5', '"duration_s": 1e999'), "key 'duration_s'"),
        (lambda text: text.replace('"sqnr_db"', '"speed"'), "unknown metric 'speed'"),
        (lambda text: text.replace('"status": "precise"', '"status": "fine"'), "key 'verdict.status'"),
        (lambda text: text.replace('"threads": 1', '"threads": "1"'), "key 'case.threads'"),
        (lambda text: "[1]", "no schema number"),
        (lambda text: "[" * 100_000, "damaged"),
    ],
)
def test_a_damaged_record_is_named_and_hides_no_other(run: RunFolder, change, message: str) -> None:
    file = sorted((run.path / "records").glob("*.json"))[0]
    changed = change(file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    contents = run.contents()
    assert len(contents.records) == 2
    assert list(contents.damaged) == [file.name]
    assert message in contents.damaged[file.name]
    assert str(file) in contents.damaged[file.name]
    assert len(run.missing()) == 1


def test_a_file_name_that_is_not_utf_8_does_not_stop_a_run(tmp_path: Path) -> None:
    """Linux allows any bytes in a name; Python hands them on as halves of characters, which have no UTF-8."""
    (plan,) = factory.nets()[:1]
    case = dataclasses.replace(plan.case, model="net-\udcff", weights="user")
    header = dataclasses.replace(factory.header([plan]), planned=(case.id,), command=("edgebench", "net-\udcff.onnx"))
    run = RunFolder.create(tmp_path / "run", header)
    run.append(dataclasses.replace(factory.record(run, plan, 0), case=case, case_id=case.id))
    (record,) = run.records()
    assert record.case.model == r"net-\xff"
    assert run.record_file(record).is_file()
    assert run.missing() == ()


def test_not_a_number_cannot_be_written(run: RunFolder) -> None:
    record = dataclasses.replace(run.records()[0], details={"loss": float("nan")})
    before = sorted(run.path.rglob("*"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.append(record)
    assert sorted(run.path.rglob("*")) == before


def test_a_failed_write_leaves_the_old_file_and_nothing_else(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record = run.records()[0]
    before = {path: path.read_bytes() for path in run.path.rglob("*.json")}
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        run.append(dataclasses.replace(record, duration_s=9.0))
    assert {path: path.read_bytes() for path in run.path.rglob("*.json")} == before
    assert not list(run.path.rglob("*.tmp"))


def test_ids_that_share_a_slug_get_files_of_their_own() -> None:
    ids = [
        "a|b|c|t1",
        "a__b|c|t1",
        "a b|c|t1",
        "a_b|c|t1",
        "<a>|b|c|t1",
        "(a)|b|c|t1",
        "x" * 400 + "|b|c|t1",
        "..|b|c|t1",
    ]
    names = {record_name(case_id, _slug(case_id)) for case_id in ids}
    assert len(names) == len(ids)
    assert all(len(name) < 200 and not name.startswith(".") and "/" not in name for name in names)
    assert record_name("a-0.35|fp32|null|t1", "a-0.35__fp32__null__t1") == "a-0.35__fp32__null__t1.json"


def _slug(case_id: str) -> str:
    model, compression, runtime, _ = case_id.rsplit("|", 3) if case_id.count("|") >= 3 else (case_id, "", "", "")
    return Case(model, compression, runtime).slug


def test_writing_imports_no_reading_library(tmp_path: Path) -> None:
    code = "import sys, harness.store.runfolder; sys.exit(bool({'pandas', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_json_is_plain_and_has_the_reason_of_what_is_missing(run: RunFolder) -> None:
    document = json.loads(next((run.path / "records").glob("*.json")).read_text())
    assert document["schema"] == SCHEMA
    assert document["metrics"]["energy_net_j"] == {"reason": factory.NO_METER}
    assert run.records()[0].quantity("n_processes") == Value(3.0)
