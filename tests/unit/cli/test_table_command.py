from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest

from harness.cli import main
from harness.core.errors import EXIT_OK, EXIT_USAGE
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(factory.write_run(tmp_path / "run", [*factory.nets(joules=True), *factory.troubled()]).path)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["table", *words]) == EXIT_OK
    return capsys.readouterr().out


def test_columns_and_order_hold_for_every_format(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("--columns", "model,p50", "--sort", "p50")
    frame = pd.read_csv(io.StringIO(printed(capsys, run, "--format", "csv", *chosen)))
    assert list(frame.columns) == ["model", "latency_p50_ns"]
    assert frame.latency_p50_ns.head(24).is_monotonic_increasing
    assert frame.latency_p50_ns.isna().any()
    rows = json.loads(printed(capsys, run, "--format", "json", *chosen))
    assert [row["model"] for row in rows] == list(frame.model)
    markdown = printed(capsys, run, "--format", "markdown", *chosen).splitlines()
    assert markdown[0] == "| model | latency_p50_ns |"
    assert len(markdown) == len(frame) + 2
    terminal = printed(capsys, run, *chosen)
    assert terminal.splitlines()[0].split() == ["model", "p50", "ms"]
    assert "contended: wall/CPU 1.31" in terminal
    latex = printed(capsys, run, "--format", "latex", *chosen)
    assert latex.count("+-") == frame.latency_p50_ns.notna().sum()
    assert latex.index("0.447") < latex.index("31.0")


def test_a_sorted_table_has_the_model_in_a_column(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\\multicolumn" in printed(capsys, run, "--format", "latex")
    assert "\\multicolumn" not in printed(capsys, run, "--format", "latex", "--sort", "p50")
    assert "\\multicolumn" in printed(capsys, run, "--format", "latex", "--columns", "model,runtime,p50")
    assert "\\multicolumn" not in printed(capsys, run, "--format", "latex", "--columns", "runtime,model,p50")


def test_digits_of_the_interval(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = (run, "--format", "json", "--columns", "p50")
    full = [row["latency_p50_ns"] for row in json.loads(printed(capsys, *words))]
    short = [row["latency_p50_ns"] for row in json.loads(printed(capsys, *words, "--precision", "interval"))]
    assert full[0] != short[0]
    assert short[0] % 10_000 == 0
    assert abs(full[0] - short[0]) <= 5_000


def test_caption_and_label(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(
        capsys, run, "--format", "latex", "--caption", "50 % faster", "--label", "tab:mine", "--latex", "plain"
    )
    assert "\\caption{50 \\% faster}" in out
    assert "\\label{tab:mine}" in out
    assert "siunitx" not in out
    out = printed(capsys, run, "--format", "latex")
    assert "\\caption{Suite quick on x86-64, measured with edgebench 0.1.0.}" in out
    assert "\\label{tab:quick}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--columns", "modell"], "did you mean 'model'"),
        (["--sort", "latency_p50"], None),
        (["--sort", "latencyp50_ns"], "did you mean 'latency_p50_ns'"),
        (["--caption", "x"], "--caption without --format latex"),
        (["--precision", "full"], "--format csv has all of them"),
        (["--columns", ","], "names no column"),
    ],
)
def test_what_is_wrong_is_said(run: str, capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    code = main(["table", run, *words])
    assert code == (EXIT_USAGE if message else EXIT_OK)
    assert (message or "") in capsys.readouterr().err


def test_a_label_that_would_break_latex_is_refused(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["table", run, "--format", "latex", "--label", "a}b"])
    assert "is not a label" in capsys.readouterr().err
