"""Outside packages that cannot be used, through every command: each is named once and costs itself alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import EXIT_OK, EXIT_USAGE
from harness.core.plugins import GROUPS, Group
from harness.store.runfolder import RunFolder
from tests import factory, outside
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench, plain_environment

ROOT = Path(__file__).parents[2]
CODE = {
    "raises": "raise RuntimeError('no licence')",
    "exits": "import sys\nprint('bye')\nsys.exit(3)",
    "lacks": "import no_such_library",
}
POINTS = "".join(
    f"[edgebench.{group}]\n" + "".join(f"{name} = rude_{name}:PLUGIN\n" for name in CODE) for group in GROUPS
)
# a command, and the groups of which it uses every plug-in
RUN = ("run", "quick", "-k", f"{EMBEDDED}|fp32", "--runtime", "onnxruntime-cpu", *SMOKE, "--no-report")
COMMANDS: dict[str, tuple[tuple[str, ...], set[Group]]] = {
    "run": (RUN, {"sensors", "checks"}),
    "run own": (("run", "--model", "my_net.onnx", *SMOKE, "--no-report"), {"runtimes", "sensors", "checks"}),
    "runtimes": (("runtimes", "--json"), {"runtimes", "compression"}),
    "sensors": (("sensors", "--json"), {"sensors"}),
    "doctor": (("doctor", "--json"), {"checks"}),
    "report": (("report", "RUN", "--out", "report.html"), {"sections", "compression"}),
    "explain": (("explain", "RUN", "--json"), {"compression"}),
    "table": (("table", "RUN", "--format", "csv"), set()),
    "export csv": (("export", "RUN", "--format", "csv"), set()),
    "export junit": (("export", "RUN", "--format", "junit"), set()),
    "suites": (("suites", "quick"), set()),
    "prepare": (("prepare", "quick"), set()),
    "targets": (("targets", "list"), set()),
}
BY_NAME: dict[str, tuple[str, ...]] = {
    "runtime": ("run", "--model", "my_net.onnx", "--runtime", "raises", *SMOKE),
    "export format": ("export", "RUN", "--format", "raises"),
    "compression setting": ("run", "--model", "my_net.onnx", "--compress", "raises", *SMOKE),
}


@pytest.fixture
def edgebench(edgebench_process: Edgebench) -> Edgebench:
    """The command in a process of its own: plug-ins are looked for once per process."""
    return edgebench_process


@pytest.fixture
def run(tmp_path: Path, own_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run folder, beside the packages that are broken in every group."""
    site = outside.install(tmp_path / "site", "rude", {f"rude_{name}.py": f"{CODE[name]}\n" for name in CODE}, POINTS)
    monkeypatch.setenv("PYTHONPATH", str(site))
    return factory.write_run(tmp_path / "made", factory.nets())


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if "is left out: package rude 1.0" in line]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_goes_on_without_them(command: str, edgebench: Edgebench, run: RunFolder) -> None:
    words, groups = COMMANDS[command]
    done = edgebench(*(str(run.path) if word == "RUN" else word for word in words))
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    nouns = {GROUPS[group].noun for group in groups}
    expected = sorted(f"the {noun} '{name}' is left out" for noun in nouns for name in CODE)
    assert sorted(line.split(": ")[1] for line in warnings(done.stderr)) == expected, done.stderr
    if groups:
        assert "RuntimeError: no licence" in done.stderr
        assert "SystemExit: 3" in done.stderr
        assert "No module named 'no_such_library'" in done.stderr
    if "--json" in words:
        json.loads(done.stdout)


@pytest.mark.parametrize("noun", BY_NAME)
def test_asked_for_by_its_name_it_is_an_error(noun: str, edgebench: Edgebench, run: RunFolder) -> None:
    done = edgebench(*(str(run.path) if word == "RUN" else word for word in BY_NAME[noun]))
    assert done.returncode == EXIT_USAGE, done.stdout + done.stderr
    assert (
        f"edgebench: the {noun} 'raises' cannot be used: package rude 1.0 (rude_raises:PLUGIN): RuntimeError: "
        "no licence\n  repair or uninstall package rude 1.0\n"
    ) in done.stderr


def test_pytest_goes_on_without_them(run: RunFolder, tmp_path: Path) -> None:
    options = ["-k", f"{EMBEDDED} and fp32 and onnxruntime", "--edgebench-profile", "smoke", "--edgebench-images", "50"]
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-p", "no:cacheprovider", *options]
    command += ["--edgebench-out", str(tmp_path / "out")]
    environment = {**plain_environment(), "PYTHONPATH": os.environ["PYTHONPATH"]}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for noun in ("sensor", "check", "report section"):
        assert done.stdout.count(f"edgebench: the {noun} 'exits' is left out: package rude 1.0") == 1


FAILING = """
from reports.section import Section

def render(data):
    return {}["key"]

PLUGIN = Section("failing", "Failing <b>", 5, render)
"""


def test_a_section_that_fails_costs_itself_alone(
    edgebench: Edgebench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "[edgebench.sections]\nfailing = failing_section:PLUGIN\n"
    site = outside.install(tmp_path / "site", "failing", {"failing_section.py": FAILING}, points)
    monkeypatch.setenv("PYTHONPATH", str(site))
    done = edgebench("report", factory.write_run(tmp_path / "run", factory.nets()).path, "--out", "report.html")
    assert done.returncode == EXIT_OK
    assert done.stderr.count("the report section 'failing' is left out: KeyError: 'key'") == 1
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "The section failed: KeyError: &#39;key&#39;" in text
    assert "Failing &lt;b&gt;" in text
    assert '<section id="verdict"' in text
