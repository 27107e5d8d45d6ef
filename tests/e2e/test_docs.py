"""The commands and programs that the documentation shows do run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import edgebench
import edgebench.plugin
from harness import cli
from tests.e2e.conftest import FIRST_RUN, plain_environment
from tests.shared import copy

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def shown_commands(document: Path) -> list[str]:
    """The command lines of the document's code: fenced blocks, and lines indented by four spaces."""
    text = document.read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    indented = "\n".join(re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE))
    return re.findall(r"^(edgebench .*)$", f"{fenced}\n{indented}", re.MULTILINE)


def test_every_step_of_the_tutorial_runs(tmp_path: Path, own_onnx: Path, own_tflite: Path, finished_run: Path) -> None:
    """The first run is the one that other tests look at: it was measured by the page's own words."""
    copy(finished_run, tmp_path / "runs" / "first")
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    environment = {**plain_environment(), "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": ""}
    for language, code in re.findall(r"^```(sh|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if code.strip() == FIRST_RUN:
            continue
        command = ["bash", "-euc", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "runs" / "first" / "report.html").is_file()
    assert (tmp_path / "both.html").is_file()
    assert "latency_p50_ns" in (tmp_path / "first.csv").read_text()


@pytest.mark.parametrize("document", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))])
def test_every_command_line_that_is_shown_parses(document: str) -> None:
    """Shown options exist; nothing is run."""
    for line in shown_commands(ROOT / document):
        words = shlex.split(line.split(" > ")[0], comments=True)
        if not any(word.isupper() and word.isalpha() for word in words) and "..." not in words:
            cli.parser().parse_args(words[1:])


def test_links_of_the_documentation_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def anchors(document: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site's generator make them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    shown = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in shown}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_a_link_to_a_heading_from_outside_of_the_site_finds_it(name: str) -> None:
    """Those of the site's own pages are checked by `make docs`."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        assert anchor in anchors(ROOT / (target or name)), f"{name} links to {target}#{anchor}"


def test_the_readme_shows_rows_of_the_whole_table() -> None:
    """A new run renews both: no row of the README is left from an older one."""
    rows = re.findall(r"^\|.*-32 \|.*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    whole = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 6
    assert set(rows) <= set(whole)


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    listed = set(re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    assert listed == {file.name for file in (ROOT / "docs").glob("*.md")}


def test_every_name_of_the_api_is_on_its_page() -> None:
    _, own, plugin = (ROOT / "docs" / "api.md").read_text("utf-8").split("\n::: ")
    for text, module in ((own, edgebench), (plugin, edgebench.plugin)):
        listed = re.findall(r"^ {8}- (\w+)$", text, re.MULTILINE)
        assert set(listed) == set(module.__all__) - {"__version__"}
