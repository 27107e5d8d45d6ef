"""Files that are not shipped, built on this machine from shipped float nets."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.cli import main
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError
from suites.artifacts import catalog, model_cache
from suites.compression.base import Chain
from suites.compression.fp32 import Fp32
from suites.preparation import from_checkpoints, prepare
from suites.preparation.from_checkpoints import copy_shipped_checkpoint, shipped_checkpoint, training_commands
from suites.preparation.prepare import build_all

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
    assert list(prepare.missing_artifacts(cases)) == [(case("channel-pruned-50+fp16"), "onnx")]


def test_a_setting_that_trains_lists_the_commands_to_run() -> None:
    with pytest.raises(UsageError, match="channel-pruned-25 needs training") as raised:
        prepare.build(case("channel-pruned-25"), "onnx")
    net, log, tune = (line.split() for line in raised.value.remedy.splitlines()[1:])
    assert (net[0], net[-1], log[-1]) == ("install", f"CHECKPOINTS/{MODEL}.pt", f"CHECKPOINTS/{MODEL}.jsonl")
    assert tune[:5] == ["python", "-m", "suites.preparation.training.tune", MODEL, "channel-pruned-25"]


def test_every_trained_net_ships_as_a_checkpoint_too() -> None:
    for model in {model for model, _, _ in catalog.shipped()}:
        assert shipped_checkpoint(model), f"{model}: training.pt is not the checkpoint that the manifest names"


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    (tmp_path / MODEL).mkdir()
    for file in (f"{MODEL}.pt", f"{MODEL}/channel-pruned-25.pt"):
        (tmp_path / file).write_bytes(b"another net")
    with pytest.raises(UsageError, match="another net than the"):
        prepare.build(case("channel-pruned-25"), "onnx", tmp_path)


def test_a_net_that_does_not_ship_is_trained_first(tmp_path: Path) -> None:
    other = Case("mobilenet_v2-0.5-32", "channel-pruned-25", "null")
    train, tune = training_commands(other, tmp_path / "data", tmp_path)
    assert train[2:] == (
        "suites.preparation.training.train",
        other.model,
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path),
    )
    assert tune[2] == "suites.preparation.training.tune"


def test_commands_that_have_been_run_are_not_listed(tmp_path: Path) -> None:
    tuned = case("channel-pruned-25+int8-static")
    copy_shipped_checkpoint(MODEL, tmp_path)
    (command,) = training_commands(tuned, None, tmp_path)
    assert command[2:] == (
        *("suites.preparation.training.tune", MODEL, "channel-pruned-25"),
        *("--data", "FASHION_MNIST", "--checkpoints", str(tmp_path)),
    )
    (tmp_path / MODEL).mkdir()
    (tmp_path / MODEL / "channel-pruned-25.pt").touch()
    assert not training_commands(tuned, None, tmp_path)


def test_training_needs_images_and_a_place_for_its_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "quick", "--train"]) == 2
    assert "--train needs --data and --checkpoints" in capsys.readouterr().err


def test_one_training_serves_all_cases_that_start_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[list[str]] = []

    def pretend(command: list[str], **_: object) -> SimpleNamespace:
        run.append(command)
        (tmp_path / MODEL).mkdir(exist_ok=True)
        (tmp_path / MODEL / f"{command[4]}.pt").touch()
        return SimpleNamespace(returncode=0)

    def exported(*_: object) -> None:
        raise UsageError("as far as a machine without torch comes")

    monkeypatch.setattr(from_checkpoints, "require_torch", lambda: None)
    monkeypatch.setattr(from_checkpoints.subprocess, "run", pretend)
    monkeypatch.setattr(prepare, "build_from_checkpoint", exported)
    file = tmp_path / "s.toml"
    compression = '"pruned-90", "pruned-90+int8-weight-only"'
    file.write_text(SUITE.replace('"fp32", "channel-pruned-50+int8-weight-only"', compression))
    assert main(["prepare", str(file), "--train", "--data", "images", "--checkpoints", str(tmp_path)]) == 4
    (tune,) = run
    assert tune[1:5] == ["-m", "suites.preparation.training.tune", MODEL, "pruned-90"]
    assert tune[5:] == ["--data", "images", "--checkpoints", str(tmp_path)]


@pytest.mark.parametrize("status", [1, -9])
def test_a_training_that_fails_is_an_error(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_checkpoints.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=status))
    with pytest.raises(SetupError, match=f"ended with status {status}"):
        from_checkpoints.run_commands([("python", "-m", "suites.preparation.training.tune")])


def plain(text: str) -> Case:
    """A case whose file is made by copying alone, so that no converter is needed: a setting of this test."""
    return case(f"channel-pruned-50+{text}")


class Copying(Fp32):
    """A fake post-training setting, named in the file's name."""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains end in a copy of the tuned net, except one whose tool is not installed."""
    real = Chain.parse

    def parse(name: str) -> Chain:
        tuned, _, last = name.partition("+")
        return Chain(real(tuned).fine_tuning, Copying(last)) if last.startswith("copy") else real(name)

    monkeypatch.setattr(Chain, "parse", parse)


@pytest.mark.usefixtures("copying")
def test_files_are_built_in_any_order_and_one_that_fails_does_not_stop_the_rest() -> None:
    wanted = [(plain("copy-a"), "onnx"), (case("channel-pruned-25"), "onnx"), (plain("copy-b"), "onnx")]
    built = {each.case.compression: each for each in build_all(wanted, jobs=1)}
    assert "needs training" in built["channel-pruned-25"].error
    for name in ("copy-a", "copy-b"):
        assert built[f"channel-pruned-50+{name}"].artifact == catalog.artifact(plain(name), "onnx")
    cached = {entry.compression for entry in model_cache.entries()}
    assert cached == {"channel-pruned-50+copy-a", "channel-pruned-50+copy-b"}


@pytest.mark.usefixtures("copying")
def test_a_build_that_is_killed_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_cache, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare.build(plain("copy-a"), "onnx")
    assert list(model_cache.prepared_dir().iterdir()) == []
    assert [each for each, _ in prepare.missing_artifacts([plain("copy-a")])] == [plain("copy-a")]
    prepare.build(plain("copy-a"), "onnx")
    assert not list(prepare.missing_artifacts([plain("copy-a")]))


def test_in_processes_side_by_side_errors_come_back_in_words() -> None:
    wanted = [(case("channel-pruned-25"), "onnx"), (case("pruned-90"), "onnx")]
    built = list(build_all(wanted, jobs=2))
    assert {each.case.compression for each in built} == {"channel-pruned-25", "pruned-90"}
    assert all("suites.preparation.training.tune" in each.error for each in built)


def test_a_note_that_cannot_be_read_counts_as_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING")
    note = model_cache.prepared_dir() / MODEL / "channel-pruned-50+fp16.onnx.json"
    note.parent.mkdir(parents=True)
    note.write_text("{")
    assert model_cache.find(MODEL, "channel-pruned-50+fp16", "onnx") is None
    assert str(note) in caplog.text


@pytest.mark.parametrize(
    "change",
    [
        {"model": "../../etc"},
        {"model": "a-1.0-32/.."},
        {"compression": "fp32/../../x"},
        {"compression": ""},
        {"format": "exe"},
        {"sha256": "0" * 63},
        {"bytes": 0},
        {"bytes": 1 << 40},
        {"file": "/etc/passwd"},
        {"file": "a-1.0-32/../../x"},
        {"file": "b-1.0-32/fp32.onnx"},
        {"preprocess": {"channels": "many"}},
    ],
)
def test_an_entry_of_another_form_is_refused(change: dict[str, object]) -> None:
    good: dict[str, object] = {"model": "a-1.0-32", "compression": "fp32", "format": "onnx", "sha256": "0" * 64}
    good |= {"bytes": 1, "parameters": None, "macs": None, "preprocess": {"channels": 1, "mean": [0.5]}}
    assert model_cache.Entry.from_json(good).file == "a-1.0-32/fp32.onnx"
    with pytest.raises(ValueError, match=next(iter(change))):
        model_cache.Entry.from_json(good | change)


@pytest.mark.skipif(find_spec("onnxconverter_common") is not None, reason="the tools are installed")
def test_missing_tools_are_named_with_the_extra() -> None:
    with pytest.raises(SetupError, match="needs onnx") as raised:
        prepare.build(case("channel-pruned-50+fp16"), "onnx")
    assert "edgebench[compress]" in str(raised.value)


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
    assert not list(prepare.missing_artifacts([wanted]))

    note = Path(f"{made.path}.json")
    entry = json.loads(note.read_text())
    assert entry["recipe"]["origin_sha256"] == parent.sha256
    entry["recipe"]["origin_sha256"] = "0" * 64
    note.write_text(json.dumps(entry))
    with pytest.raises(catalog.NotBuilt):
        catalog.artifact(wanted, "onnx")


@pytest.mark.prepare
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_setting_that_trains_is_built_from_its_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from suites.artifacts import evaluate

    monkeypatch.setattr(evaluate, "top1", lambda *_: 0.5)  # 10,000 images for a figure that nobody keeps
    copy_shipped_checkpoint(MODEL, tmp_path)
    state = torch.load(tmp_path / f"{MODEL}.pt", weights_only=True)
    (tmp_path / MODEL).mkdir()
    torch.save(state, tmp_path / MODEL / "pruned-90.pt")  # as if tuning had changed nothing
    (tmp_path / MODEL / "pruned-90.jsonl").write_text((tmp_path / f"{MODEL}.jsonl").read_text())
    made = prepare.build(case("pruned-90"), "onnx", tmp_path)
    assert made.sha256 == catalog.artifact(case("fp32"), "onnx").sha256
    assert made.recipe["origin_sha256"] == catalog.shipped()[MODEL, "fp32", "onnx"]["training"]["checkpoint_sha256"]
    assert not list(prepare.missing_artifacts([case("pruned-90")]))


@pytest.mark.prepare
def test_a_damaged_prepared_file_is_refused() -> None:
    pytest.importorskip("onnx")
    made = prepare.build(case("channel-pruned-50+int8-weight-only"), "onnx")
    made.path.write_bytes(b"another")
    with pytest.raises(SetupError, match="run edgebench prepare"):
        catalog.artifact(case("channel-pruned-50+int8-weight-only"), "onnx")
