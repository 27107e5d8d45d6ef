from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.plan import effect, probability
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_USAGE
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(factory.write_run(tmp_path / "run", [*factory.nets()[:4], *factory.troubled()]).path)


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("2", 0.02), ("0.5 %", 0.005), ("150%", 1.5)])
def test_effects_are_percentages(text: str, share: float) -> None:
    assert effect(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["0", "-2%", "two", "nan", "5000%"])
def test_impossible_effects_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        effect(text)


def test_a_probability_is_at_least_a_half() -> None:
    assert probability("90%") == pytest.approx(0.9)
    for text in ("0.8", "100%", "10%"):
        with pytest.raises(argparse.ArgumentTypeError, match="from 50"):
            probability(text)


def test_the_plan_of_a_run_says_what_it_rests_on(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--effect", "2%", "--points", "1", "--from", run]) == EXIT_OK
    printed = " ".join(capsys.readouterr().out.split())
    assert "A difference of 2 % in latency is shown with 80% probability by" in printed
    assert "A difference of 1 point in top-1 is shown with 80% probability by" in printed
    assert f"pilot: {run}, 3 processes of each case" in printed
    assert "logarithms of process medians are independent and about normal" in printed
    assert "a pilot shows how processes differ within a run, and not how runs differ" in printed
    assert "no plan for the latency of mobilenet_v2-1.0-224 · int8-static · onnxruntime-cpu · t1: contended" in printed


def test_the_document_has_every_case(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--effect", "2%", "--from", run, "--json"]) == EXIT_OK
    document = json.loads(capsys.readouterr().out)
    assert document["effect"] == 0.02
    assert document["points"] is None
    assert document["accuracy"] == []
    assert len(document["latency"]) == 13
    first = document["latency"][0]
    assert first["processes"] <= first["processes_safe"]
    assert first["pilot_processes"] == 3
    assert sum("reason" in case for case in document["latency"]) == 7


def test_only_some_cases(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "--effect", "2%", "--from", run, "--json"]
    assert main([*words, "-k", "fp16", "-k", "onnx"]) == EXIT_OK
    assert [case["case"] for case in json.loads(capsys.readouterr().out)["latency"]] == [
        "mobilenet_v2-0.35-32|fp16|onnxruntime-cpu|t1"
    ]
    assert main([*words, "-k", "nothing"]) == EXIT_NOTHING_MEASURED
    assert "no case's id contains nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "x"], "no effect to plan for"),
        (["--effect", "2%"], "the spread comes from a pilot run"),
        (["quick", "--from", "x", "--effect", "2%"], "the spread comes from a pilot run"),
        (["--from", "x", "--effect", "2%", "--profile", "full"], "--profile belongs to a pilot that is measured now"),
        (["--from", "x", "--effect", "2%"], "x is not a run folder"),
    ],
)
def test_what_does_not_go_together_is_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *words]) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_without_any_plan_the_exit_code_is_that_of_nothing_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(factory.write_run(tmp_path / "run", factory.troubled()[1:4]).path)
    assert main(["plan", "--effect", "2%", "--from", path]) == EXIT_NOTHING_MEASURED
    assert "contended: its times cannot be relied on" in " ".join(capsys.readouterr().out.split())
