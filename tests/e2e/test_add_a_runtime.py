"""The example of docs/add-a-runtime.md, packed as a wheel, installed beside us and measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "add-a-runtime.md"


def block(lines: list[str], first: str) -> str:
    """The indented lines of the page below `first`, up to the next such heading or the end of the block."""
    start = lines.index(f"    # {first}") + 1
    ends = (n for n in range(start, len(lines)) if lines[n].startswith("    # ") or lines[n][:1].strip())
    return textwrap.dedent("\n".join(lines[start : next(ends)])).strip() + "\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed by pip from a wheel of its own."""
    folder = tmp_path_factory.mktemp("toy")
    lines = PAGE.read_text("utf-8").splitlines()
    code = block(lines, "plain_ort.py") + "\n" + block(lines, "at the end of plain_ort.py")
    points = block(lines, "its pyproject.toml")
    declared = points.replace('[project.entry-points."', "[").replace('"]', "]").replace('"', "")
    wheel = folder / "plain_ort-1.0-py3-none-any.whl"
    info = "plain_ort-1.0.dist-info"
    files = {
        "plain_ort.py": code,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: plain-ort\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": declared,
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        folder / "site",
        wheel,
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "site"


def edgebench(site: Path, cwd: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    paths = filter(None, [str(site), os.environ.get("PYTHONPATH")])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}
    command = [sys.executable, "-m", "edgebench", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_example_is_measured_and_answers_right(site: Path, own_onnx: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = edgebench(
        site, tmp_path, "run", "--model", own_onnx, "--runtime", "plain-ort", "--profile", "smoke", "--no-report",
        "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = (json.loads(path.read_text("utf-8")) for path in (out / "records").glob("*.json"))
    assert record["case"]["runtime"] == "plain-ort"
    assert record["metrics"]["latency_p50_ns"]["value"] > 0
    assert record["metrics"]["fidelity_sqnr_db"]["value"] > 80
    assert record["execution"]["effective"] == "fp32"
    assert record["runtime_info"]["optimiser"] == "off"


def test_the_example_refuses_what_is_no_model(site: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    done = edgebench(site, tmp_path, "run", "--model", broken, "--runtime", "plain-ort", "--no-report")
    assert done.returncode == 3
    assert "onnxruntime cannot run it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
