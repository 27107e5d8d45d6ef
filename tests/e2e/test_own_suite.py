"""A team's own nets: in a suite's file for every command, and as the only words of `edgebench run`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.store.runfolder import RunFolder
from tests.e2e.conftest import SMOKE, Edgebench
from tests.e2e.test_pytest_plugin import run_pytest

SUITE = """title = "Ours"
profile = "smoke"

[[cases]]
models = [
    {{ file = "one/net.onnx", data = "photos", preprocess = "pad=2,mean=0.286,std=0.353", limits = ["{limit}"] }},
    {{ file = "two/other.onnx", reference = "one/net.onnx" }},
    "mobilenet_v2-0.35-32",
]
compression = ["{setting}"]
runtimes = ["onnxruntime-cpu"]
threads = [1, 2]
"""


@pytest.fixture
def team(tmp_path: Path, own_onnx: Path) -> Path:
    """A folder with two models, images, and a suite's file that names them; the suite."""
    from PIL import Image

    from harness.datasets.dataset import open_dataset
    from suites.artifacts.catalog import DATA

    folder = tmp_path / "team"
    for number, (image, label) in enumerate(open_dataset("idx", DATA / "fashion-mnist").items(60)):
        photos = folder / "photos" / f"class{label}"
        photos.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(photos / f"{number}.png")
    for name in ("one/net.onnx", "two/other.onnx"):
        (folder / name).parent.mkdir()
        shutil.copy(own_onnx, folder / name)
    suite = folder / "team.toml"
    suite.write_text(SUITE.format(limit="p50 <= 10 s", setting="as-is").replace('    "mobilenet_v2-0.35-32",\n', ""))
    return suite


def test_a_suite_of_own_models_is_measured_from_any_folder(edgebench: Edgebench, team: Path, tmp_path: Path) -> None:
    listed = edgebench("suites", team).stdout.split()
    assert listed == [f"{model}|as-is|onnxruntime-cpu|t{n}" for model in ("net", "other") for n in (1, 2)]
    done = edgebench("run", team, "--threads", "1", "--out", "run", "--json")
    assert done.returncode == 0, done.stderr
    one, two = json.loads(done.stdout)
    assert one["top1"] > 0.8
    assert two["top1"] is None
    folder = RunFolder(tmp_path / "run")
    assert folder.header().suite == "team"
    assert {record.case_id for record in folder.records()} == {listed[0], listed[2]}
    again = edgebench("run", team, "--threads", "1", "--out", "run", "--resume")
    assert again.returncode == 0, again.stderr


def test_settings_of_a_suite_are_built_from_its_models(edgebench: Edgebench, team: Path) -> None:
    team.write_text(SUITE.format(limit="p50 <= 10 s", setting="fp16").replace("threads = [1, 2]\n", ""))
    listed = edgebench("suites", team).stdout.split()
    assert "net|fp16|onnxruntime-cpu|t1" in listed
    assert "net|fp32|onnxruntime-cpu|t1" in listed, "which the others are compared with"
    assert "mobilenet_v2-0.35-32|fp16|onnxruntime-cpu|t1" in listed


def test_a_runtime_that_the_suite_does_not_name_measures_none_of_it(edgebench: Edgebench, team: Path) -> None:
    done = edgebench("run", team, "--runtime", "openvino-cpu")
    assert done.returncode == 2
    assert "no case is left" in done.stderr


def test_a_limit_fails_the_night_and_the_test(edgebench: Edgebench, team: Path) -> None:
    team.write_text(team.read_text().replace("p50 <= 10 s", "size <= 10 kB").replace("[1, 2]", "[1]"))
    night = edgebench("nightly", "run", team, "--out", "night")
    assert night.returncode == 1, night.stdout
    assert "size <= 10 kB" in night.stdout
    done = run_pytest("--edgebench-suite", team, "--edgebench-out", team.parent / "device", "--benchmark-only")
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "net|as-is|onnxruntime-cpu|t1: size <= 10 kB: found" in done.stdout
    team.write_text(team.read_text().replace("size <= 10 kB", "energy <= 1 mJ"))
    done = run_pytest(
        "--edgebench-suite", team, "--edgebench-out", team.parent / "other", "-k", "net", "--benchmark-only"
    )
    assert "energy <= 1 mJ: no figure" in done.stdout, "what was not measured holds no limit"
    assert done.returncode == 1


def test_two_models_of_one_name_are_refused(edgebench: Edgebench, team: Path) -> None:
    (team.parent / "two/other.onnx").rename(team.parent / "two/net.onnx")
    team.write_text(team.read_text().replace("two/other.onnx", "two/net.onnx"))
    done = edgebench("run", team)
    assert done.returncode == 2
    assert "two models are called net" in done.stderr


def test_a_file_is_measured_by_its_name_alone(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    done = edgebench("run", own_onnx, *SMOKE, "--runtime", "onnxruntime-cpu", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["model"] for row in json.loads(done.stdout)] == [own_onnx.stem]
    header = RunFolder(tmp_path / "runs" / "latest").header()
    assert header.command[:3] == ("edgebench", "run", str(own_onnx))


def test_a_slip_in_a_name_is_answered_with_the_nearest(edgebench: Edgebench, own_onnx: Path) -> None:
    for words, told in (
        (("quik",), "did you mean 'quick'?"),
        ((own_onnx.with_name(f"{own_onnx.stem}x.onnx"),), f"did you mean {own_onnx}?"),
        (("quick", "scenarios"), "several suites: quick, scenarios"),
        (("absent.onxx",), "no such suite or model file: absent.onxx"),
        (("absent.onxx", "gone.onxx"), "no such suite or model file: absent.onxx"),
        ((own_onnx.with_suffix(".onx"),), f"did you mean {own_onnx}?"),
    ):
        done = edgebench("run", *words)
        assert done.returncode == 2, words
        assert told in done.stderr
