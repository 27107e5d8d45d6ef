"""Whatever happened to a run folder, the commands that read it end with figures, or say what, where and what to do."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import cli
from harness.core.errors import EXIT_OK, EXIT_USAGE, RecordError
from harness.core.record import Blob, digest_of
from harness.store.imports import read
from harness.store.imports.records import import_run
from harness.store.runfolder import RunFolder, latencies_ns
from tests import factory
from tests.mutations import damaged_bytes, damaged_document

FOREIGN = Path(__file__).with_name("foreign")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A measured run, and one that was imported; they are only copied."""
    folder = tmp_path_factory.mktemp("runs")
    measured = factory.write_run(folder / "measured", [*factory.nets()[:2], *factory.troubled()[:1]])
    file = FOREIGN / "pyperf.json"
    return measured.path, import_run(read(file), file, folder / "imported", "imported").path


@st.composite
def damage(draw: st.DrawFn, run: Path) -> None:
    """Damage one to three files of a run: cut or changed bytes, other values, or no file any more."""
    for _ in range(draw(st.integers(1, 3))):
        file = draw(st.sampled_from(sorted(path for path in run.rglob("*") if path.is_file())))
        kind = draw(st.sampled_from(["values", "values", "details", "bytes", "gone", "folder"]))
        document = document_in(file) if kind in ("values", "details") else None
        if document is not None:
            loose = [key for key in ("details", "host", "provenance", "runtime_info") if document.get(key)]
            if kind == "details" and loose:
                key = draw(st.sampled_from(loose))
                document[key] = draw(damaged_document(document[key]))
            else:
                document = draw(damaged_document(document))
            file.write_text(json.dumps(document))
        elif kind == "bytes":
            file.write_bytes(draw(damaged_bytes(file.read_bytes())))
        else:
            file.unlink()
            if kind == "folder":
                file.mkdir()


def document_in(file: Path) -> dict[str, object] | None:
    """The JSON object in a file, None where an earlier accident left none."""
    try:
        document = json.loads(file.read_bytes())
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


@contextlib.contextmanager
def damaged_copy(runs: tuple[Path, ...], data: st.DataObject) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        shutil.copytree(data.draw(st.sampled_from(runs)), run)
        data.draw(damage(run))
        yield run


def check(*words: str | Path) -> None:
    """Call the command; it succeeds, or says in a sentence what is wrong with the run and what to do."""
    out, err = io.StringIO(), io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main([str(word) for word in words])
    finally:
        logging.disable(logging.NOTSET)
    printed = err.getvalue()
    assert code in (EXIT_OK, EXIT_USAGE), printed
    assert "Traceback" not in printed
    if code == EXIT_USAGE:
        assert "\n  " in printed, "what to do"


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_run_is_added_to_a_store_or_refused(runs: tuple[Path, ...], data: st.DataObject) -> None:
    with damaged_copy(runs, data) as run:
        check("store", "add", run, "--store", run.parent / "store.sqlite")


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_run_is_shown_as_a_table_or_refused(runs: tuple[Path, ...], data: st.DataObject) -> None:
    with damaged_copy(runs, data) as run:
        check("table", run, "--format", data.draw(st.sampled_from(["terminal", "json", "csv"])))


@given(data=st.data())
@settings(max_examples=25)
def test_a_damaged_run_is_reported_or_refused(runs: tuple[Path, ...], data: st.DataObject) -> None:
    with damaged_copy(runs, data) as run:
        check("report", run, "--out", run.parent / "report.html")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("table",), ""),
        (("table", "--format", "csv"), ""),
        (("report",), "missing: "),
        (("store", "add", "--store", "store.sqlite"), "2 cases"),
    ],
)
def test_a_damaged_record_is_named_with_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    out: str,
) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:3])
    file = run.record_file(run.records()[0])
    file.write_text(file.read_text()[:100])
    monkeypatch.chdir(tmp_path)
    assert cli.main([*words, "run"]) == EXIT_OK
    printed = capsys.readouterr()
    assert f"left out: {file.relative_to(tmp_path)}: damaged" in printed.err
    assert "copy the run folder again" in printed.err
    assert out in printed.out
    assert "the run ended before this case was finished" not in printed.out.replace("be read, or the run", "")


@pytest.mark.parametrize("words", [("table",), ("table", "--format", "csv"), ("report",), ("store", "add")])
def test_a_run_of_which_no_record_can_be_read_is_not_an_empty_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:2])
    for file in (run.path / "records").iterdir():
        file.write_text("{}")
    monkeypatch.setenv("EDGEBENCH_STORE", str(tmp_path / "store.sqlite"))
    assert cli.main([*words, str(run.path)]) == EXIT_USAGE
    printed = capsys.readouterr().err
    assert "no record can be read" in printed
    assert "\n  copy the run folder again" in printed


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"started_utc": "2026', '"started_utc": "soon', "key 'started_utc': Invalid isoformat string"),
        ('"duration_s": 3.5', f'"duration_s": {10**30}', "more than 64 bits"),
        ('"details": {', '"details": {"accuracy": null, ', "key 'details.accuracy'"),
        ('"details": {', '"details": {"accuracy": {"parts": {"a": {}}}, ', "key 'details.accuracy.parts.a.right'"),
        ('"details": {', '"details": {"samples": {"sha256": 5}, ', "key 'details.samples"),
        ('"details": {', '"details": {"minutes": 5, ', "key 'details.minutes'"),
    ],
)
def test_a_value_that_no_table_can_show_makes_a_record_damaged(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:2])
    file = run.record_file(run.records()[0])
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    assert message in run.contents().damaged[file.name]


@pytest.mark.parametrize(("value", "lo", "hi"), [(1e300, None, None), (5.0, 6.0, 7.0), (5.0, 3.0, 4.0)])
def test_a_number_outside_of_its_own_interval_makes_a_record_damaged(
    tmp_path: Path, value: float, lo: float | None, hi: float | None
) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    file = run.record_file(run.records()[0])
    document = json.loads(file.read_text())
    document["metrics"]["latency_p50_ns"] = {"value": value, "lo": lo, "hi": hi, "n": 3}
    file.write_text(json.dumps(document))
    assert "key 'metrics.latency_p50_ns'" in run.contents().damaged[file.name]


def test_raw_samples_of_another_kind_or_number_are_refused(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    file = run.record_file(run.records()[0])
    document = json.loads(file.read_text())
    assert len(latencies_ns(run.records()[0], run.blob))
    document["processes"][0]["blob"]["n"] += 1
    file.write_text(json.dumps({**document, "digest": ""}))
    with pytest.raises(RecordError, match="does not hold its"):
        latencies_ns(RunFolder(run.path).records()[0], run.blob)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["metrics"]["latency_p50_ns"].update(value=record["metrics"]["latency_p50_ns"]["lo"]),
        lambda record: record["verdict"].update(status="precise", reason="as it should be", remedy=""),
        lambda record: record.update(duration_s=1.0),
        lambda record: record.pop("traces"),
        lambda record: record.update(log="edited"),
    ],
)
def test_a_record_that_was_changed_is_set_aside(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    run = factory.write_run(tmp_path / "run", [*factory.nets()[:1], *factory.troubled()[:1]])
    first, second = run.records()
    file = run.record_file(second)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    contents = run.contents()
    assert contents.records == (first,)
    assert "changed after it was written" in contents.damaged[file.name]
    file.write_text(json.dumps({**document, "digest": digest_of(document)}, indent=3))
    assert len(run.contents().records) == 2, "its layout does not matter, and whoever means to can write a new one"


def test_a_record_is_one_of_its_run_and_of_its_case_and_the_only_one(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:2])
    other = factory.write_run(tmp_path / "other", factory.nets()[:1], run_id="another")
    records = run.path / "records"
    (stray,) = (other.path / "records").iterdir()
    first, second = sorted(records.iterdir())
    (records / "stray.json").write_bytes(stray.read_bytes())
    (records / "zz-twice.json").write_bytes(first.read_bytes())
    document = json.loads(second.read_text())
    second.write_text(json.dumps({**document, "case_id": "renamed", "digest": ""}))
    contents = run.contents()
    assert len(contents.records) == 1
    assert "it is of the run another" in contents.damaged["stray.json"]
    assert "is a record of the same case" in contents.damaged["zz-twice.json"]
    assert "its id is renamed" in contents.damaged[second.name]


@pytest.mark.parametrize("values", [[-1, 5, 5], [2**63, 5, 5]])
def test_times_that_cannot_be_are_refused(tmp_path: Path, values: list[int]) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (record,) = run.records()
    kind = np.uint64 if max(values) >= 2**63 else np.int64
    sha256, n = run.put_blob({"wall_ns": np.array(values, kind)})
    process = dataclasses.replace(record.processes[0], blob=Blob("samples", sha256, n, "ns"))
    with pytest.raises(RecordError, match="times that cannot be"):
        latencies_ns(dataclasses.replace(record, processes=(process,)), run.blob)
