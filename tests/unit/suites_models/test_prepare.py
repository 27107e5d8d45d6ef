"""Files that are not shipped, built on this machine from shipped float nets."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError
from suites import catalog, prepare

MODEL = "mobilenet_v2-0.35-32"
SUITE = f"""
title = "t"
profile = "smoke"
[[cases]]
models = ["{MODEL}"]
compression = ["fp32", "channel-pruned-50+int8-weight-only"]
runtimes = ["onnxruntime-cpu"]
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def case(compression: str) -> Case:
    return Case(MODEL, compression, "onnxruntime-cpu", weights="trained")


def test_only_what_is_not_shipped_is_lacking() -> None:
    cases = [case("fp32"), case("channel-pruned-50+fp16"), case("channel-pruned-50+fp16")]
    assert list(prepare.lacking(cases)) == [(case("channel-pruned-50+fp16"), "onnx")]


def test_a_setting_that_trains_cannot_be_prepared() -> None:
    with pytest.raises(UsageError, match="channel-pruned-25 needs training"):
        prepare.build(case("channel-pruned-25"), "onnx")


@pytest.mark.skipif(find_spec("onnxconverter_common") is not None, reason="the tools are installed")
def test_missing_tools_are_named_with_the_extra() -> None:
    with pytest.raises(SetupError, match="needs onnx") as raised:
        prepare.build(case("channel-pruned-50+fp16"), "onnx")
    assert "edgebench[prepare]" in str(raised.value)


def test_the_command_names_what_it_could_not_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.toml"
    file.write_text(SUITE.replace("channel-pruned-50+int8-weight-only", "channel-pruned-25"))
    assert main(["prepare", str(file)]) == 4
    assert f"{MODEL} channel-pruned-25 .onnx: channel-pruned-25 needs training" in capsys.readouterr().err


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_prepared_file_is_found_until_its_parent_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    file = tmp_path / "s.toml"
    file.write_text(SUITE)
    assert main(["prepare", str(file)]) == 0
    wanted = case("channel-pruned-50+int8-weight-only")
    made = catalog.artifact(wanted, "onnx")
    parent = catalog.artifact(case("channel-pruned-50"), "onnx")
    assert made.size_bytes < 0.5 * parent.size_bytes
    assert (made.parameters, made.macs, made.preprocess) == (parent.parameters, parent.macs, parent.preprocess)
    assert made.recipe["parent_sha256"] == parent.sha256
    assert not list(prepare.lacking([wanted]))

    note = Path(f"{made.path}.json")
    entry = json.loads(note.read_text())
    entry["recipe"]["parent_sha256"] = "0" * 64
    note.write_text(json.dumps(entry))
    with pytest.raises(catalog.NotBuilt):
        catalog.artifact(wanted, "onnx")


@pytest.mark.prepare
def test_a_damaged_prepared_file_is_refused() -> None:
    pytest.importorskip("onnx")
    made = prepare.build(case("channel-pruned-50+int8-weight-only"), "onnx")
    made.path.write_bytes(b"another")
    with pytest.raises(SetupError, match="run edgebench prepare"):
        catalog.artifact(case("channel-pruned-50+int8-weight-only"), "onnx")
