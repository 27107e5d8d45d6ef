"""`edgebench init`: what it writes can be read back, and it overwrites nothing."""

from __future__ import annotations

import builtins
import os
from pathlib import Path

import pytest

import suites
from harness.cli import main
from harness.core.errors import EXIT_USAGE
from tests import onnx_bytes

NET = onnx_bytes.model("Relu", {"x": (1, (1, 4))}, (1, (1, 4)))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a model and images."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.onnx").write_bytes(NET)
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    return tmp_path


def init(*words: str) -> int:
    try:
        return main(["init", *words])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_it_writes_a_suite_that_names_the_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ("--limit", "p50 <= 20 ms", "--limit", "top1 >= 0.88")
    assert (
        init("my.onnx", "--data", "photos", "--preprocess", "imagenet", *limits, "--compress", "int8-static,fp16") == 0
    )
    (group,) = suites.load("my.toml").groups
    (entry,) = group.files
    assert entry.files == ("my.onnx",)
    assert (entry.data, entry.preprocess, entry.reference) == ("photos", "imagenet", None)
    assert entry.limits == ("p50 <= 20 ms", "top1 >= 0.88")
    assert group.compression == ("int8-static", "fp16")
    out = capsys.readouterr().out
    assert "wrote my.toml" in out
    assert "next: edgebench run my.toml" in out


@pytest.mark.parametrize(
    ("service", "file"), [("github", ".github/workflows/edgebench.yml"), ("gitlab", ".gitlab-ci.edgebench.yml")]
)
def test_a_ci_file_runs_the_suite(here: Path, service: str, file: str) -> None:
    assert init("my.onnx", "--ci", service, "--name", "team nets") == 0
    assert "edgebench nightly run team-nets.toml --out nightly" in (here / file).read_text()
    assert (here / "team-nets.toml").is_file()


def test_paths_are_relative_to_the_folder_that_is_written_to(here: Path) -> None:
    assert init("my.onnx", "--dir", "ci", "--reference", "my.onnx") == 0
    ((entry,),) = (group.files for group in suites.load("ci/my.toml").groups)
    assert entry.files == ("ci/../my.onnx",)
    assert '"../my.onnx"' in (here / "ci/my.toml").read_text()


def test_nothing_is_overwritten_without_force(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "my.toml").write_text("mine")
    assert init("my.onnx", "--ci", "github") == EXIT_USAGE
    assert "not overwritten: my.toml" in capsys.readouterr().err
    assert (here / "my.toml").read_text() == "mine"
    assert not (here / ".github").exists(), "all files, or none"
    assert init("my.onnx", "--force") == 0
    assert (here / "my.toml").read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("absent.onnx",), "no such model file: absent.onnx"),
        (("photos",), "unknown kind of model"),
        (("my.onnx", "--data", "nowhere"), "no such folder: nowhere"),
        (("my.onnx", "--limit", "fast"), "'fast' is not a limit"),
        (("my.onnx", "--compress", "int9"), "unknown compression setting 'int9'"),
        (("my.onnx", "--reference", "gone.onnx"), "no such model file: gone.onnx"),
        ((), "no model to write a suite for"),
    ],
)
def test_what_could_not_be_measured_is_not_written(
    here: Path, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(*words, *(("--ci", "github") if words else ())) == EXIT_USAGE
    assert told in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["my.onnx", "photos"]


@pytest.mark.parametrize("name", ['a"b', "a'b", "a\\b", "a\nb", "a$HOME", "a%h", "a#b", "ä→", "a}, {file = 'x", " "])
def test_a_hostile_name_is_a_name(here: Path, name: str) -> None:
    file = here / f"{name}.onnx"
    file.write_bytes(NET)
    assert init(file.name, "--ci", "github") == 0
    (written,) = here.glob("*.toml")
    ((entry,),) = (group.files for group in suites.load(written.name).groups)
    assert entry.files == (file.name,)


def test_a_name_that_is_not_utf_8_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = here / os.fsdecode(b"caf\xe9.onnx")
    file.write_bytes(NET)
    assert init(file.name) == EXIT_USAGE
    assert "a name is not UTF-8" in capsys.readouterr().err
    assert not list(here.glob("*.toml"))


def test_questions_are_asked_on_a_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(("my.onnx", "photos", "", "p50 <= 5 ms", "github"))
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda question: asked.append(question) or next(answers))
    assert init() == 0
    ((entry,),) = (group.files for group in suites.load("my.toml").groups)
    assert (entry.files, entry.data, entry.preprocess) == (("my.onnx",), "photos", "imagenet")
    assert entry.limits == ("p50 <= 5 ms",)
    assert len(asked) == 5
    assert (here / ".github/workflows/edgebench.yml").is_file()
