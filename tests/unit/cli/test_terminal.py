"""Nothing that is printed controls the terminal, wherever it comes from and whichever command prints it."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import re
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.cli._console import console
from harness.cli._terminal import PrintableStream, printable_streams, show_status
from harness.core.printable import printable
from harness.core.verdict import Verdict
from harness.store.frame import table, write_table
from harness.store.runfolder import RunFolder
from reports.build import build
from tests import factory

EVIL = "\x1b]0;owned\x1b\\\x1b[31mred\x1b[0m\x9b2J\u202e"
ROOT = Path(__file__).parents[3]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run whose names, reasons and messages hold terminal sequences, and one name that is a formula."""
    first, second, third = factory.nets(joules=True)[:3]
    plans = [
        dataclasses.replace(first, case=dataclasses.replace(first.case, model=f"evil{EVIL}")),
        dataclasses.replace(second, case=dataclasses.replace(second.case, model="=cmd|' /C calc'!A0"), status="crashed",
                            log=EVIL),
        third,
    ]  # fmt: skip
    made = factory.write_run(tmp_path / "run", plans, suite=f"suite{EVIL}", target=f"board{EVIL}")
    for record in made.records():
        if record.verdict.failed:
            reason = f"said: {EVIL}"
            made.append(dataclasses.replace(record, verdict=Verdict("crashed", reason, reason)))
    return made


@pytest.mark.parametrize(
    "arguments",
    [
        ("table", "RUN"),
        ("table", "RUN", "--format", "csv"),
        ("table", "RUN", "--format", "markdown"),
        ("table", "RUN", "--format", "json"),
        ("compare", "RUN", "RUN"),
        ("compare", "RUN", "RUN", "--format", "csv"),
        ("compare", "RUN", "RUN", "--format", "markdown"),
        ("explain", "RUN"),
        ("explain", "RUN", "--json"),
        ("recommend", "RUN"),
        ("export", "RUN", "--format", "csv"),
        ("export", "RUN", "--format", "markdown"),
        ("export", "RUN", "--format", "gha"),
        ("export", "RUN", "--format", "bmf"),
        ("export", "RUN", "--format", "prometheus"),
        ("export", "RUN", "--format", "pytest-benchmark"),
        ("report", "RUN"),
        ("table", EVIL),
        ("explain", "RUN", EVIL),
        ("run", "quick", "--runtime", EVIL),
    ],
    ids=" ".join,
)
def test_no_command_prints_a_control_character(
    run: RunFolder, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    cli.main([str(run.path) if each == "RUN" else each for each in arguments])
    captured = capfd.readouterr()
    for text in (captured.out, captured.err):
        assert printable(text) == text
        assert "owned" not in text or "\\u001b" in text, "JSON for programs is whole"
    assert captured.out or captured.err


def test_a_terminal_gets_colours_and_no_sequence_of_others(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    cli.main(["table", str(run.path)])
    assert "\x1b[" in out.getvalue(), "colours of our own"
    assert "owned" not in out.getvalue()
    assert "\x1b]" not in out.getvalue()
    assert "\x9b" not in out.getvalue()
    assert sys.stdout is out, "as it was"


def test_a_console_cleans_whatever_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    with printable_streams():
        console(force_terminal=True, color_system="standard").print(f"{EVIL} 42", style="bold", markup=False)
        print(EVIL)
    shown, printed, _ = out.getvalue().split("\n")
    assert re.sub(r"\x1b\[[\d;]*m", "", shown) == "red 42"
    assert "\x1b[1" in shown, "a style of our own"
    assert printed == "red"


def test_the_status_line_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    with printable_streams():
        assert isinstance(sys.stderr, PrintableStream)
        show_status(f"pair 1{EVIL}")
        show_status("")
    assert err.getvalue() == "\r\x1b[Kpair 1red\r\x1b[K"


def test_commands_make_no_console_of_their_own() -> None:
    """All of them print on the one that cleans texts."""
    made = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "harness" / "cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")).endswith("Console")
    ]
    assert len(made) == 1
    assert made[0].startswith("_console.py:")


def test_a_spreadsheet_sees_texts_and_numbers(run: RunFolder) -> None:
    out = io.StringIO()
    write_table(table(run), "csv", out)
    lines = out.getvalue().splitlines()
    assert any(",'=cmd|' /C calc'!A0," in line for line in lines)
    assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line.split(","))
    assert "-0.0011" in out.getvalue(), "a number is a number"


def test_the_report_and_json_hold_no_raw_control_character(run: RunFolder, tmp_path: Path) -> None:
    page = build([run], tmp_path / "report.html").read_text(encoding="utf-8")
    without_scripts = page.partition("</style>")[2].partition("<script>")[0]
    assert printable(without_scripts) == without_scripts
    assert ";owned" not in without_scripts
    out = io.StringIO()
    write_table(table(run), "json", out)
    assert json.loads(out.getvalue())[0]["model"] == f"evil{EVIL}", "data for programs is whole"
