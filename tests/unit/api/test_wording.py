"""Errors of the API speak of keywords, not of the command's options."""

from __future__ import annotations

import operator
import sys
from pathlib import Path
from typing import NoReturn

import pytest

import edgebench as eb
from edgebench._wording import reworded
from harness.store import frame
from reports import build
from tests import factory

ALL = ("compress", "data", "force", "memory_limit", "models", "runtimes", "shapes", "tune")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--force compares them nevertheless", "force=True compares them nevertheless"),
        ("--data and --compress need a model", "data and compress need a model"),
        ("add --compress all, or name settings", "add compress='all', or name settings"),
        ("raise it: --memory-limit 512", "raise it: memory_limit=512"),
        ("name its file with --model", "name its file with models"),
        ("only --runtime NAME", "only runtimes=NAME"),
        ("as in: edgebench run my.onnx --data photos/; or --data DIR", None),
        ("only the command has --json and --deep", "only the command has --json and --deep"),
        ("a--data b", "a--data b"),
        ("", ""),
    ],
)
def test_options_become_keywords_and_command_lines_stay(text: str, expected: str | None) -> None:
    if expected is None:
        expected = "as in: edgebench run my.onnx --data photos/; or data=DIR"
    assert reworded(text, dict.fromkeys(ALL)) == expected


def test_unlike_runs_are_compared_by_a_keyword(tmp_path: Path) -> None:
    a, b = (factory.write_run(tmp_path / name, factory.nets()[:2], target=name).path for name in ("board-a", "board-b"))
    with pytest.raises(eb.UsageError) as raised:
        eb.compare(a, b)
    assert raised.value.remedy.startswith("force=True compares them")
    assert "--" not in str(raised.value)
    assert raised.value.args == (raised.value.message,)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"data": "photos", "preprocess": "imagenet"}, "data and preprocess need a model of your own"),
        ({"models": "my.onnx", "output": "logits"}, "output needs labelled images"),
        ({"accuracy_margin": 2}, "accuracy_margin needs accuracy_stop=True"),
        ({"resume": True}, "resume=True needs out"),
        ({"export": "built", "models": "my.onnx"}, "export without compress: no file is built"),
    ],
)
def test_a_refused_request_names_its_keywords(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(eb.UsageError) as raised:
        eb.run(**keywords)  # type: ignore[arg-type]
    assert raised.value.message == message


@pytest.mark.parametrize("name", ["frame", "report"])
def test_a_missing_package_is_named_with_its_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> NoReturn:
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    results = eb.read(factory.write_run(tmp_path / "run", factory.nets()[:2]).path)
    monkeypatch.setattr(frame, "record_table", absent)
    monkeypatch.setattr(build, "build", absent)
    with pytest.raises(eb.SetupError) as raised:
        operator.methodcaller("report")(results) if name == "report" else operator.attrgetter("frame")(results)
    assert raised.value.message == f"edgebench.Results.{name} needs pandas, which is not installed"
    assert raised.value.remedy == "pip install 'edgebench[report]'"


def test_a_notebook_without_the_report_shows_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = eb.read(factory.write_run(tmp_path / "run", factory.nets()[:2]).path)
    assert results._repr_html_() is not None
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert results._repr_html_() is None
