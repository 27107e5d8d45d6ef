"""The examples of docs/add-a-*.md, installed beside us as packages of other people and run through the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest

from harness.core.errors import EXIT_OK, EXIT_USAGE
from harness.store.runfolder import RunFolder
from tests import factory, onnx_models, outside, trees
from tests.e2e.conftest import SMOKE, Edgebench

ROOT = Path(__file__).parents[2]


@pytest.fixture
def edgebench(edgebench_process: Edgebench) -> Edgebench:
    """The command in a process of its own: plug-ins are looked for once per process."""
    return edgebench_process


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that packages are installed into."""
    folder = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", outside.search_path(folder))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", factory.nets())


@pytest.mark.parametrize("page", sorted(path.name for path in outside.DOCS.glob("add-a*.md")))
def test_every_page_says_how_to_try_it_and_what_can_go_wrong(page: str) -> None:
    text = (outside.DOCS / page).read_text("utf-8")
    assert "\n## Try it\n" in text
    assert "\n## What can go wrong\n" in text
    assert outside.shown(page)


@pytest.mark.parametrize(("value", "status"), [("1", "warn"), ("0", "ok"), (None, "unknown")])
def test_a_check(edgebench: Edgebench, site: Path, tmp_path: Path, value: str | None, status: str) -> None:
    outside.install_shown(site, "add-a-check.md")
    tree = trees.virtual_machine() | ({"proc/sys/kernel/numa_balancing": value} if value else {})
    board = trees.write(tmp_path / "board", tree)
    done = edgebench("--host-root", board, "doctor", "--json")
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert findings["numa_balancing"]["status"] == status
    assert bool(findings["numa_balancing"]["remedy"]) == (status == "warn")


def test_a_check_turns_its_knob(edgebench: Edgebench, site: Path, tmp_path: Path, monkeypatch) -> None:
    outside.install_shown(site, "add-a-check.md")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    board = trees.write(tmp_path / "board", trees.virtual_machine() | {"proc/sys/kernel/numa_balancing": "1"})
    knob = board / "proc/sys/kernel/numa_balancing"
    for option, value in (("--tune", "0"), ("--restore", "1")):
        done = edgebench("--host-root", board, "doctor", option)
        assert (done.returncode, done.stderr) == (EXIT_OK, "")
        assert knob.read_text().strip() == value


def test_a_section(edgebench: Edgebench, site: Path, run: RunFolder) -> None:
    outside.install_shown(site, "add-a-section.md")
    done = edgebench("report", run.path, "--out", "report.html")
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    text = (site.parent / "report.html").read_text("utf-8")
    section = text[text.index('<section id="cold-start"') :]
    section = section[: section.index("</section>")]
    trusted = [record for record in run.records() if record.trusted_value("first_inference_ns")]
    assert section.count("<tr>") == 1 + len(trusted) > 1
    assert factory.HOSTILE not in section


def test_a_section_may_have_its_template_beside_it(edgebench: Edgebench, site: Path, run: RunFolder) -> None:
    files = outside.shown("add-a-section.md")
    points = files["pyproject.toml"].replace('project.entry-points."', "").replace('"', "")
    before, _, rest = files["cold_start.py"].partition('Template("""')
    template, _, after = rest.partition('""")')
    code = f"{before}Template.beside(__file__){after}"
    outside.install(site, "beside", {"cold_start.py": code, "cold_start.html": template}, points)
    done = edgebench("report", run.path, "--out", "report.html")
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    assert 'aria-label="Cold start"' in (site.parent / "report.html").read_text("utf-8")


def test_an_export(edgebench: Edgebench, site: Path, run: RunFolder) -> None:
    outside.install_shown(site, "add-an-export.md")
    done = edgebench("export", run.path, "--format", "influx", "--out", "run.influx")
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    lines = (site.parent / "run.influx").read_text("utf-8").splitlines()
    assert len(lines) == len(run.records())
    assert all(line.startswith("edgebench,case=") and "latency_p50_ns=" in line for line in lines)
    assert all(len(line.replace("\\ ", "").split(" ")) == 3 for line in lines)
    wrong = edgebench("export", run.path, "--format", "influxdb")
    assert wrong.returncode == EXIT_USAGE
    assert "did you mean 'influx'?" in wrong.stderr


def test_a_suite(edgebench: Edgebench, tmp_path: Path) -> None:
    ((name, text),) = outside.shown("add-a-suite.md").items()
    (tmp_path / name).write_text(text)
    listed = edgebench("suites", name)
    assert (listed.returncode, len(listed.stdout.splitlines())) == (EXIT_OK, 18)
    done = edgebench(
        "run", name, "-k", "shufflenet_v2", "-k", "int8", "-k", "t1", *SMOKE, "--no-report", "--out", tmp_path / "run"
    )
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    records = RunFolder(tmp_path / "run").records()
    assert {record.case.model for record in records} == {"shufflenet_v2-0.5-32"}
    assert all(record.value("latency_p50_ns") and record.value("top1") for record in records)


def test_a_compression_setting(edgebench: Edgebench, site: Path, own_onnx: Path, tmp_path: Path) -> None:
    outside.install_shown(site, "add-a-compression-setting.md")
    out = tmp_path / "run"
    done = edgebench(
        "run", "--model", own_onnx, "--compress", "rounded-8", "--runtime", "onnxruntime-cpu", *SMOKE, "--out", out
    )
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert "left out" not in done.stderr
    records = {record.case.compression: record for record in RunFolder(out).records()}
    assert set(records) == {"fp32", "rounded-8"}
    assert records["rounded-8"].artifact.recipe["parameters"] == {"bits": 8}
    (file,) = (tmp_path / "cache").rglob("my_net-rounded-8-*.onnx")
    weights = [onnx.numpy_helper.to_array(each) for each in onnx.load(file).graph.initializer]
    floats = [each for each in weights if each.dtype == np.float32]
    assert len(floats) > 20
    assert all((np.frexp(each)[0] * 256 % 1 == 0).all() for each in floats)
    assert "saves space in a compressed file, and no time" in (out / "report.html").read_text("utf-8")
    listed = edgebench("runtimes", "--all")
    assert "rounded-8" in listed.stdout


def test_a_model_family_is_known(edgebench: Edgebench, site: Path, tmp_path: Path) -> None:
    outside.install_shown(site, "add-a-model-family.md")
    (tmp_path / "plain_cnn.pt").write_bytes(b"")
    done = edgebench("prepare", "--weights", "plain_cnn.pt", "--model", "plain_cnn-0.5-32", "--out", "models")
    assert done.returncode == EXIT_USAGE
    assert ("is not installed" if find_spec("torch") is None else "plain_cnn.pt") in done.stderr


@pytest.mark.prepare
def test_a_model_family_is_built_and_measured(edgebench: Edgebench, site: Path, tmp_path: Path) -> None:
    files = outside.shown("add-a-model-family.md")
    (tmp_path / "weights.py").write_text(files["weights.py"])
    outside.install_shown(site, "add-a-model-family.md")
    command = [sys.executable, "weights.py"]
    subprocess.run(command, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": f"{site}:{ROOT}"})
    model = "plain_cnn-0.5-32"
    words = ("prepare", "--weights", "plain_cnn.pt", "--model", model, "--preprocess", "unit", "--out", "models")
    done = edgebench(*words)
    assert done.returncode == EXIT_OK, done.stderr
    out = tmp_path / "run"
    done = edgebench("run", "--model", f"models/{model}.onnx", *SMOKE, "--runtime", "onnxruntime-cpu", "--out", out)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    (record,) = RunFolder(out).records()
    assert record.value("latency_p50_ns")
    assert record.value("macs")


def test_a_task(edgebench: Edgebench, site: Path, tmp_path: Path) -> None:
    outside.install_shown(site, "add-a-task.md")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    weights = np.array([[1.0], [2.0], [-1.0], [0.5]], np.float32)
    np.savez(tmp_path / "rows.npz", x=x, y=(x @ weights)[:, 0] + 0.25)
    for name, values in (("float", weights), ("rough", np.round(weights))):
        node = onnx_models.helper.make_node("MatMul", ["x", "w"], ["y"])
        inputs, outputs = (
            [onnx_models.tensor(each, onnx_models.T.FLOAT, (1, size))] for each, size in (("x", 4), ("y", 1))
        )
        onnx_models.save(tmp_path / f"{name}.onnx", [node], inputs, outputs, {"w": values})
    words = ("run", "--model", "rough.onnx", "--model", "float.onnx", "--reference", "float.onnx")
    done = edgebench(*words, "--task", "regression", "--data", "rows.npz", "--runtime", "onnxruntime-cpu", *SMOKE,
                     "--out", tmp_path / "run")  # fmt: skip
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert "left out" not in done.stderr
    records = {record.case.model: record for record in RunFolder(tmp_path / "run").records()}
    assert records["float"].value("quality") == pytest.approx(0.25, abs=1e-5)
    assert records["float"].quality_kind.metric == "mae"
    difference = records["rough"].quantity("quality_difference")
    assert difference.value == pytest.approx(records["rough"].value("quality") - 0.25, abs=1e-5)
    assert difference.value > difference.lo
    assert 0 < records["rough"].value("quality_p") <= 1
    assert records["rough"].missing("top1") == "not a figure of regression: see quality"
    shown = edgebench("table", tmp_path / "run", "--format", "csv").stdout.splitlines()
    row = dict(zip(shown[0].split(","), shown[1].split(","), strict=False))
    assert {"quality", "quality_lo", "quality_hi", "quality_metric", "n_samples"} <= set(row)
    wrong = edgebench("run", "--model", "float.onnx", "--task", "regresion", "--data", "rows.npz")
    assert wrong.returncode == EXIT_USAGE
    assert "did you mean 'regression'?" in wrong.stderr
    wrong = edgebench("run", "--model", "float.onnx", "--task", "regression", "--data", "float.onnx")
    assert wrong.returncode == EXIT_USAGE
    assert "float.onnx is no .npz with the arrays x and y" in wrong.stderr
