"""`edgebench run --accuracy-stop` on a shipped net."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.store.runfolder import RunFolder

KEPT = ("-k", "mobilenet_v2-0.35", "-k", "onnxruntime", "-k", "int8-")


def test_a_case_is_scored_until_it_is_decided_and_the_table_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    run = tmp_path / "run"
    options = ("--profile", "smoke", "--no-report", "--images", "800", "--accuracy-stop", "--accuracy-margin", "10")
    assert main(["run", "quick", *KEPT, *options, "--out", str(run)]) == 0
    assert "of 800 images: within 10 points of fp32" in " ".join(capsys.readouterr().out.split())
    for record in RunFolder(run).records():
        stop = record.details["accuracy"]["stop"]
        assert stop["of"] == 800
        assert record.value("n_images") == stop["n"] < 800
        assert stop["lo"] <= record.value("top1_difference") <= stop["hi"]
        assert abs(stop["lo"]) < 0.1
    main(["table", str(run), "--format", "json"])
    notes = {row["accuracy_note"] for row in json.loads(capsys.readouterr().out)}
    assert all(note.startswith("stopped after ") for note in notes)


@pytest.mark.parametrize("points", ["0", "-1", "100", "nan"])
def test_a_margin_that_is_none_is_refused(points: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "quick", "--accuracy-stop", "--accuracy-margin", points])
    assert ended.value.code == 2
