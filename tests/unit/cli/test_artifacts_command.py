"""`edgebench artifacts`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from suites import catalog


def test_list_shows_every_shipped_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(catalog.shipped())
    assert any("mobilenet_v2-0.35-32" in line and " int8-static " in line and "% of 10000" in line for line in lines)


def test_list_as_json_is_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == list(catalog.shipped().values())


def test_verify_names_a_file_that_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["artifacts", "verify"]) == 0
    entry = dict(next(iter(catalog.shipped().values())))
    (tmp_path / entry["file"]).parent.mkdir()
    (tmp_path / entry["file"]).write_bytes(b"another")
    monkeypatch.setattr(catalog, "ARTIFACTS", tmp_path)
    monkeypatch.setattr(catalog, "shipped", lambda: {("m", "c", "f"): entry})
    assert main(["artifacts", "verify"]) != 0
    assert entry["file"] in capsys.readouterr().err
