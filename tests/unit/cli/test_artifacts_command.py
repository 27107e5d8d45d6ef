"""`edgebench artifacts`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from harness.cli import main
from suites.artifacts import catalog, model_cache
from suites.artifacts.model_cache import Entry

MODEL = "mobilenet_v2-0.35-32"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def prepare(origin: str) -> Entry:
    content = b"a model"
    recipe = {"origin_sha256": origin}
    entry = Entry(MODEL, "pruned-90", "onnx", sha256(content).hexdigest(), len(content), 7, 9, None, recipe)
    with model_cache.build_folder() as folder:
        (folder / MODEL).mkdir()
        (folder / entry.file).write_bytes(content)
        model_cache.keep(entry, folder)
    return entry


def test_list_shows_every_shipped_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(catalog.shipped())
    assert any("mobilenet_v2-0.35-32" in line and " int8-static " in line and "% of 10000" in line for line in lines)


def test_list_as_json_is_the_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed == [{**entry, "origin": "shipped"} for entry in catalog.shipped().values()]


def test_list_tells_prepared_files_from_those_of_a_net_of_the_past(capsys: pytest.CaptureFixture[str]) -> None:
    prepare(origin=catalog.shipped()[MODEL, "fp32", "onnx"]["training"]["checkpoint_sha256"])
    main(["artifacts", "list"])
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == [MODEL, "pruned-90", "onnx"]
    prepare(origin="0" * 64)
    main(["artifacts", "list", "--json"])
    last = json.loads(capsys.readouterr().out)[-1]
    assert (last["origin"], last["bytes"], last["file"]) == ("outdated", 7, f"{MODEL}/pruned-90.onnx")


def test_verify_names_a_prepared_file_that_was_changed(capsys: pytest.CaptureFixture[str]) -> None:
    entry = prepare(origin="0" * 64)
    assert main(["artifacts", "verify"]) == 0
    assert "and 1 prepared" in capsys.readouterr().out
    entry.path.write_bytes(b"another")
    assert main(["artifacts", "verify"]) == 2
    assert entry.file in capsys.readouterr().err


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
