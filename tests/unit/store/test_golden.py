"""Records of every released schema can still be read, value by value."""

from __future__ import annotations

from pathlib import Path

from harness.core.quantity import Missing, Value
from harness.store.frame import table
from harness.store.runfolder import RunFolder
from reports.build import build

RUN = RunFolder(Path(__file__).parents[2] / "golden" / "run-v1")


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
    assert "5 of 12 cases can be trusted" in build([RUN], tmp_path / "report.html").read_text(encoding="utf-8")
