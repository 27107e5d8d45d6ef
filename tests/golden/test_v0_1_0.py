"""What 0.1.0 wrote is read, compared, exported and judged as 0.1.0 did: columns, numbers, verdicts, exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import store
from harness.cli import main
from harness.core.artifact import Artifact, sha256_of
from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED
from harness.core.hostfs import HostFs
from harness.core.plugins import reference
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.verdict import Verdict
from harness.host.identity import identity
from harness.measure.prepared import PreparedCase
from harness.nightly import night as night_module
from harness.nightly.night import Night
from harness.runs.session import versions
from harness.runtimes.base import Options
from harness.store.runfolder import RunFolder
from suites import suite
from suites.nightly_rules import NightlyRules
from tests.fakes.plans import plan_of

from .structure import READERS, assert_same

PLACE = Path(__file__).parent / "v0_1_0"
EXPECTED = PLACE / "expected"
STORE = ("--store", "store/store.sqlite")

CALLS: Mapping[str, tuple[str, ...]] = {
    "table-before.csv": ("table", "runs/before", "--format", "csv"),
    "table-killed.csv": ("table", "runs/killed", "--format", "csv"),
    "table-several.csv": ("table", "runs/quick", "runs/quick-again", "--format", "csv"),
    "table-quick.json": ("table", "runs/quick", "--format", "json"),
    "table-quick.md": ("table", "runs/quick", "--format", "markdown"),
    **{
        f"compare.{suffix}": ("compare", "runs/before", "runs/after", "--format", name)
        for suffix, name in (("csv", "csv"), ("json", "json"), ("md", "markdown"))
    },
    "compare-intervals.csv": ("compare", "runs/quick", "runs/quick-again", "--format", "csv"),
    "explain-before.json": ("explain", "runs/before", "--json"),
    "explain-quick.json": ("explain", "runs/quick", "--json"),
    "recommend.json": ("recommend", "runs/before", "--json"),
    "recommend-bounds.json": ("recommend", "runs/before", "--json", "--max-latency", "0.15ms", "--max-size", "1MB"),
    "recommend-none.json": ("recommend", "runs/quick", "--json", "--max-latency", "1us", "--min-top1", "0.99"),
    "export.csv": ("export", "runs/quick", "--format", "csv"),
    "export-pytest-benchmark.json": ("export", "runs/before", "--format", "pytest-benchmark"),
    "export-bmf.json": ("export", "runs/quick", "--format", "bmf"),
    "export-gha-lower.json": ("export", "runs/quick", "--format", "gha"),
    "export-gha-higher.json": ("export", "runs/quick", "--format", "gha", "--better", "higher"),
    "export.prom": ("export", "runs/quick", "--format", "prometheus"),
    "export.xml": ("export", "runs/before", "--format", "junit"),
    "export.md": ("export", "runs/before", "--format", "markdown"),
    "export-store-newest.xml": ("export", *STORE, "--format", "junit"),
    "export-store.csv": ("export", *STORE, "--model", "efficientnet_lite0", "--format", "csv"),
    "history.csv": ("history", *STORE, "--metric", "latency_p50_ns", "--format", "csv"),
    "history.json": ("history", *STORE, "--metric", "top1", "--runtime", "openvino-*", "--format", "json"),
    "history.md": ("history", *STORE, "--metric", "load_ns", "--model", "brightness", "--format", "markdown"),
    "history-wide.csv": ("history", *STORE, "--form", "wide", "--model", "efficientnet_lite0", "--format", "csv"),
    "history-latest.csv": ("history", "latest", *STORE, "--metric", "*", "--format", "csv"),
    "history-resets.csv": ("history", "resets", *STORE, "--format", "csv"),
}
"""Commands in a copy of the folder, by the file that holds what 0.1.0 printed."""

REPORTS: Mapping[str, tuple[str, ...]] = {
    "report-run.json": ("report", "runs/before"),
    "report-runs.json": ("report", "runs/before", "runs/after", "--baseline", "runs/before"),
    "report-intervals.json": ("report", "runs/quick", "runs/quick-again"),
    "report-store.json": ("report", *STORE),
}
"""Reports, by the file that holds the sections and tables of 0.1.0's page."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, and in it: a store is migrated when it is opened, what 0.1.0 wrote stays."""
    copied(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def copied(to: Path) -> None:
    for name in ("runs", "store"):
        shutil.copytree(PLACE / name, to / name)
    for path in PLACE.glob("*.toml"):
        shutil.copy(path, to)


def printed(*arguments: str) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = main(arguments)
    out.flush()
    return code, out.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", CALLS)
def test_programs_read_the_same(place: Path, name: str) -> None:
    code, text = printed(*CALLS[name])
    assert code == (EXIT_SOME_FAILED if name == "recommend-none.json" else EXIT_OK)
    read = READERS[Path(name).suffix]
    assert_same(read(text), read((EXPECTED / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_same_sections_tables_and_numbers(place: Path, name: str) -> None:
    assert_same(report(*REPORTS[name]), json.loads((EXPECTED / name).read_text(encoding="utf-8")))


def report(*arguments: str) -> Any:
    code, _ = printed(*arguments, "--out", "report.html")
    assert code == EXIT_OK
    return READERS[".html"](Path("report.html").read_text(encoding="utf-8"))


def test_parquet_holds_the_rows_of_the_csv(place: Path) -> None:
    frame_of = pytest.importorskip("pandas").read_parquet
    pytest.importorskip("pyarrow")
    assert main(["export", "runs/quick", "--format", "parquet", "--out", "quick.parquet"]) == EXIT_OK
    frame_of("quick.parquet").to_csv("quick.csv", index=False)
    read = READERS[".csv"]
    assert_same(read(Path("quick.csv").read_text()), read((EXPECTED / "export.csv").read_text()))


def test_an_export_of_then_is_imported(place: Path) -> None:
    exported = EXPECTED / "export-pytest-benchmark.json"
    assert main(["import", str(exported), "--target", "x86-64", "--out", "imported"]) == EXIT_OK
    then = {record.case_id: record.value("latency_p50_ns") for record in RunFolder("runs/before").records()}
    now = [record.value("latency_p50_ns") for record in RunFolder("imported").records()]
    assert now == [pytest.approx(latency) for latency in then.values() if latency is not None]


def test_the_store_is_whole_and_takes_a_run_of_then(place: Path) -> None:
    assert main(["store", "check", *STORE]) == EXIT_OK
    assert main(["store", "add", "runs/before", "runs/quick", *STORE]) == EXIT_OK
    assert main(["store", "check", *STORE]) == EXIT_OK
    with store.open("store/store.sqlite", create=False) as opened:
        for run in (RunFolder("runs/before"), RunFolder("runs/quick")):
            assert opened.records(run.header().run_id) == run.records()
            assert opened.header(run.header().run_id) == run.header()


def test_a_store_that_lost_a_raw_file_is_not_whole(place: Path) -> None:
    next(Path("store/store.raw").rglob("*.npz")).unlink()
    assert main(["store", "check", *STORE]) == EXIT_SOME_FAILED


def test_a_killed_run_names_what_is_missing(place: Path) -> None:
    code, out = printed("report", "runs/killed")
    missing = RunFolder("runs/killed").missing()
    assert code == EXIT_OK
    assert missing == (
        "mobilenet_v2-0.35-32|int8-static|onnxruntime-cpu|t1",
        "mobilenet_v2-0.35-32|int8-static|litert-xnnpack|t1",
    )
    assert all(case_id in out for case_id in missing)


def test_a_killed_run_is_resumed_on_its_machine(place: Path) -> None:
    """It is this machine's once its header says so."""
    again = ["run", "golden.toml", "--images", "100", "--seed", "3", "--no-report", "--out", "runs/killed", "--resume"]
    folder = RunFolder("runs/killed")
    host = {**folder.header().host, "machine_id": identity(HostFs()).machine_id}
    folder.write_header(replace(folder.header(), host=host, versions=versions()))
    before = {path: path.read_bytes() for path in Path("runs/killed/records").iterdir()}
    assert main(again) == EXIT_OK
    assert folder.missing() == ()
    assert {path: path.read_bytes() for path in before} == before


def test_a_nights_findings_are_on_file(place: Path) -> None:
    code, out = printed("nightly", "--explain", "brightness", *STORE)
    assert code == EXIT_OK
    filed = json.loads((PLACE / "night.json").read_text(encoding="utf-8"))
    assert len(filed["outcomes"]) == 4
    assert all(f"{one['kind']}: {one['series']}: {one['sentence']}" in out for one in filed["outcomes"])


def test_a_build_of_then_is_accepted(place: Path) -> None:
    index = Path("store/kept/golden-night-x86-64.json")
    name = "brightness|as-is|onnxruntime-cpu|t1"
    kept = json.loads(index.read_text())
    assert kept["good"][name]["sha256"] != kept["latest"][name]["sha256"]
    assert main(["nightly", "--accept", name, "--reason", "wanted", *STORE]) == EXIT_OK
    kept = json.loads(index.read_text())
    assert kept["good"][name]["sha256"] == kept["latest"][name]["sha256"]


class MadeUpAgain:
    """Second measurements that find the same ratio as tonight's first ones, without noise of their own."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def ab(self, old: PreparedCase, new: PreparedCase, metric: str, pairs: int) -> Any:
        scatter = np.linspace(0.99, 1.01, pairs)
        return 1e-3 * scatter, 1e-3 * scatter[::-1] * self._ratio

    def rerun(self, new: PreparedCase, metric: str) -> Any:
        with store.open("store/store.sqlite") as opened:
            where = store.Filters(case=new.case.id)
            return opened.series(metric, where).values[0, -1] * np.linspace(0.999, 1.001, 3)


NIGHTS: Mapping[str, Mapping[str, Any]] = {
    "same": {},
    "slower-same-build": {"slower": {"brightness|as-is|onnx": 2.0}},
    "slower-new-build": {"slower": {"brightness|as-is|onnx": 2.0}, "changed": True},
    "faster-new-build": {"slower": {"brightness|as-is|onnx": 0.5}, "changed": True},
    "slower-case-after-reset": {"slower": {"openvino": 3.0}, "changed": True},
    "all-slower": {"slower": {"": 2.0}},
    "crashed": {"crashed": "efficientnet"},
    "crashed-new-build": {"crashed": "efficientnet", "changed": True},
    "limit-broken": {"memory": 40.0},
}
"""Nights made up from the seventh, by what is different in them."""


@pytest.mark.parametrize("name", NIGHTS)
def test_a_new_night_is_judged_as_then(place: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(place, monkeypatch, **NIGHTS[name])
    assert_same(found, json.loads((EXPECTED / f"night-{name}.json").read_text(encoding="utf-8")))


def judged(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    slower: Mapping[str, float] | None = None,
    changed: bool = False,
    crashed: str = "no case",
    memory: float = 1.0,
) -> Any:
    """What a night that is like the seventh but for this comes to; its document without the sentences."""
    ratios = slower or {}
    monkeypatch.setattr(night_module, "Remeasurement", lambda *_: MadeUpAgain(next(iter(ratios.values()), 1.0)))
    with store.open("store/store.sqlite") as opened:
        seventh = list(opened.runs().run)[6]
        header = replace(opened.header(seventh), run_id="new", started_utc="2026-12-02T00:00:00+00:00")
        run = RunFolder.create(place / "new", header)
        for record in opened.records(seventh):
            for process in record.processes:
                run.put_blob(opened.blob(process.blob.sha256))
            ratio = next((ratio for text, ratio in ratios.items() if text in record.case_id), 1.0)
            run.append(_crash(record) if crashed in record.case_id else _changed(record, ratio, memory))
        prepared = tuple(_prepared(record, place, changed) for record in run.records())
        plan = plan_of(prepared)
        night = Night(opened, run, plan, NightlyRules(suite.load("golden-night.toml").nightly))
        report = night.evaluate()
        night.write(report)
    return READERS[".json"]((place / "new" / "verdicts.json").read_text(encoding="utf-8"))


def _changed(record: Record, ratio: float, memory: float) -> Record:
    """The record with all its times `ratio` times as long, and `memory` times as much of that."""
    factors = {"peak_rss_bytes": memory, "throughput_per_s": 1 / ratio}
    timed = {name for name in record.metrics if name.endswith("_ns")}

    def scaled(name: str, quantity: Quantity) -> Quantity:
        factor = ratio if name in timed else factors.get(name, 1.0)
        if isinstance(quantity, Missing):
            return quantity
        lo, hi = (None if bound is None else bound * factor for bound in (quantity.lo, quantity.hi))
        return Value(quantity.value * factor, lo, hi, quantity.n)

    processes = tuple(
        replace(
            process,
            median_ns=round(process.median_ns * ratio),
            load_ns=round(process.load_ns * ratio),
            peak_rss_bytes=round(process.peak_rss_bytes * memory),
        )
        for process in record.processes
    )
    metrics = {name: scaled(name, quantity) for name, quantity in record.metrics.items()}
    return replace(record, run_id="new", metrics=metrics, processes=processes)


def _crash(record: Record) -> Record:
    metrics = {name: Missing("the process ended: crashed") for name in record.metrics}
    return replace(record, run_id="new", verdict=Verdict("crashed", "signal 11"), metrics=metrics, processes=())


def _prepared(record: Record, place: Path, changed: bool) -> PreparedCase:
    """The case ready to run: the build that was kept, or one of the same size with one byte of another value."""
    assert record.artifact is not None
    path = place / "store" / "kept" / "objects" / record.artifact.sha256 / record.artifact.file
    if changed:
        other = place / record.artifact.file
        other.write_bytes(path.read_bytes()[:-1] + b"~")
        path = other
    artifact = Artifact(path, "onnx", sha256_of(path), path.stat().st_size)
    return PreparedCase(record.case, artifact, reference("runtimes", record.case.runtime), Options(), None)
