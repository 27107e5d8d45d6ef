"""Records of every released schema can still be read, value by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.quantity import Missing, Value
from harness.core.record import SCHEMA
from harness.store.database.store import Store
from harness.store.frame import table
from harness.store.runfolder import RunFolder
from reports.build import build

GOLDEN = Path(__file__).parents[2] / "golden"
RUN = RunFolder(GOLDEN / "run-v1")


def test_version_1_is_read_whole() -> None:
    contents = RUN.contents()
    assert contents.damaged == {}
    assert len(contents.records) == 12
    assert RUN.missing() == ('a|b" onload=x & 米|fp32|onnxruntime-cpu|t1',)
    first = contents.records[0]
    assert first.case_id == "mobilenet_v2-0.35-32|fp32|onnxruntime-cpu|t1"
    assert first.quantity("top1") == Value(0.919, 0.9133, 0.9244, 10_000)
    assert first.quantity("sqnr_db") == Missing("this is the fp32 net itself")
    assert len(RUN.blob(first.processes[0].blob.sha256)["wall_ns"]) == first.processes[0].n_timed


def test_version_1_makes_a_table_and_a_report(tmp_path: Path) -> None:
    assert list(table(RUN).verdict)[:6] == ["precise"] * 5 + ["contended"]
    assert "5 precise, 0 usable with caution, 7 not" in build([RUN], tmp_path / "report.html").read_text(
        encoding="utf-8"
    )


def test_version_2_tells_its_provenance() -> None:
    run = RunFolder(GOLDEN / "run-v2")
    assert run.contents().damaged == {}
    assert run.header().provenance["repository"] == {"commit": "0123abc", "dirty": True}
    assert run.header().provenance["ambient_c"] == 21.5
    assert run.records()[0].quantity("top1") == Value(0.919, 0.9133, 0.9244, 10_000)
    assert run.missing() == ("mobilenet_v2-1.0-224|fp32|litert-xnnpack|t1",)


@pytest.mark.parametrize("version", range(1, SCHEMA + 1))
def test_every_version_goes_into_a_store_and_comes_back(tmp_path: Path, version: int) -> None:
    run = RunFolder(GOLDEN / f"run-v{version}")
    with Store(tmp_path / "store.sqlite") as store:
        store.append(run)
        assert store.records(run.header().run_id) == run.records()
        assert store.check() == []
