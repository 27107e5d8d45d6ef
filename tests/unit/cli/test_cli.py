"""The frame of the command: help and version stay light, exit codes follow the records."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import edgebench
from harness import cli

HEAVY = ("numpy", "pandas", "plotly", "pydantic", "rich", "onnxruntime", "jinja2", "pytest")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys, edgebench
sys.argv = ["edgebench", *{arguments!r}]
try:
    edgebench.main()
except SystemExit as end:
    assert end.code == 0, end.code
print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("HEAVY []")


def test_the_version_is_the_distributions() -> None:
    done = subprocess.run([sys.executable, "-m", "edgebench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"edgebench {version('edgebench')}"


def test_a_foreign_reports_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "edgebench", "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"package 'reports' comes from {tmp_path}" in done.stderr


def test_our_own_packages_are_not_foreign() -> None:
    assert edgebench.foreign_packages() == []


def printed(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "edgebench", *arguments], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", cli.commands())
def test_a_command_has_a_group_and_an_example_that_parses(name: str) -> None:
    module = cli.commands()[name]
    assert module.GROUP in cli.GROUPS
    program, *words = shlex.split(module.EXAMPLE)
    assert program == "edgebench"
    assert words[0] == name
    assert cli.parser().parse_args(words).command == name


def test_help_lists_every_command_once_within_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli.parser().format_help().splitlines()
    assert max(map(len, lines)) <= 80
    assert sorted(line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")) == sorted(
        cli.commands()
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("rn", "edgebench: unknown command 'rn'\n  did you mean 'run'? see edgebench --help\n"),
        ("zzz", "edgebench: unknown command 'zzz'\n  see edgebench --help\n"),
        ("store ad", "edgebench store: unknown command 'ad'\n  did you mean 'add'? see edgebench store --help\n"),
        (
            "run --runtim x",
            "edgebench run: ambiguous option: --runtim could match --runtime, --runtime-option\n  see",
        ),
        (
            "run --modell x",
            "edgebench run: unrecognized arguments: --modell\n  did you mean '--model'? see edgebench run --help\n",
        ),
        (
            "nightly show case --jsn",
            "edgebench nightly show: unrecognized arguments: --jsn\n  see edgebench nightly show --help\n",
        ),
        ("run --threads 0", "edgebench run: argument --threads: '0' is not a positive whole number"),
        ("run --threads two", "edgebench run: argument --threads: 'two' is not a positive whole number"),
        ("run --timeout nan", "edgebench run: argument --timeout: 'nan' is not a number"),
        ("run --timeout -1", "edgebench run: argument --timeout: -1 is not above 0"),
        ("serve --port 70000", "edgebench serve: argument --port: '70000' is not a port: 0 to 65535"),
    ],
)
def test_a_wrong_word_is_an_error_of_its_command_with_the_nearest_right_one(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        cli.parser().parse_args(words.split())
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize("words", ["--debug store path", "store --debug path", "store path --debug", "-v data list"])
def test_common_options_stand_before_and_behind_a_command_and_an_action(words: str) -> None:
    arguments = cli.parser().parse_args(words.split())
    assert arguments.verbose if "-v" in words else arguments.debug


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from _actions(sub)
        else:
            yield action


def test_every_option_of_every_command_has_a_help_text() -> None:
    assert [action.option_strings for action in _actions(cli.parser()) if not action.help] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("compare --ab a b", "ab a b"),
        ("compare a b --ab --json", "ab a b --json"),
        ("nightly quick --store s", "nightly run quick --store s"),
        ("nightly --model my.onnx", "nightly run --model my.onnx"),
        ("nightly --store s --explain case", "nightly show case --store s"),
        ("nightly --accept case --reason why", "nightly accept case --reason why"),
        ("nightly install --user --install-suite quick", "nightly install --user quick"),
        ("-v nightly quick", "-v nightly run quick"),
        ("--targets compare nightly quick", "--targets compare nightly run quick"),
        ("nightly --explain=case", "nightly show case"),
        ("nightly --accept=case --reason why", "nightly accept case --reason why"),
        ("nightly --store install quick", "nightly run --store install quick"),
        ("nightly --store s install --user", "nightly install --store s --user"),
        ("nightly --install-suite=quick install", "nightly install quick"),
    ],
)
def test_an_old_spelling_is_rewritten_and_says_so(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._modern(old.split(), cli.commands()) == new.split()
    assert "note: the next release accepts only" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    ["compare a b", "nightly run run", "nightly install", "nightly show x", "nightly -v run quick", "run nightly"],
)
def test_a_present_spelling_is_left_alone(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli._modern(words.split(), cli.commands()) == words.split()
    assert capsys.readouterr().err == ""
