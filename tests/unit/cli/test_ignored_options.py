"""An option that would have no effect is an error that says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import EXIT_USAGE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["quick", "--data", "photos"], "--data needs a model of your own"),
        (["--data", "photos"], "--data needs a model of your own"),
        (["quick", "--label-offset", "0"], "--label-offset needs a model of your own"),
        (["quick", "--shape", "x=1x3", "--output", "y"], "--output and --shape need a model of your own"),
        (["my.onnx", "--preprocess", "imagenet"], "--preprocess needs labelled images"),
        (
            ["--model", "my.onnx", "--output", "y", "--label-order", "name"],
            "--output and --label-order need labelled images",
        ),
        (["quick", "--accuracy-margin", "2"], "--accuracy-margin needs --accuracy-stop"),
    ],
)
@pytest.mark.parametrize("command", [["run"], ["nightly", "run"]])
def test_it_is_refused_before_anything_is_read(
    command: list[str],
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command, *words]) == EXIT_USAGE
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == f"edgebench: {said}"
    assert rest
    assert list(tmp_path.iterdir()) == []
