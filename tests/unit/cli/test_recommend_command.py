from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.recommend import energy_j, share, size_bytes, time_ns
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_USAGE
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(factory.write_run(tmp_path / "run", [*factory.nets(joules=True), *factory.troubled()]).path)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (time_ns, "20ms", 2e7),
        (time_ns, "1.5 s", 1.5e9),
        (time_ns, ".5us", 500),
        (energy_j, "50mJ", 0.05),
        (energy_j, "3µJ", 3e-6),
        (size_bytes, "2MB", 2e6),
        (size_bytes, "2MiB", 2**21),
        (share, "0.88", 0.88),
        (share, "88%", 0.88),
        (share, "1 %", 0.01),
    ],
)
def test_bounds_carry_their_unit(parse, text: str, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (time_ns, "20", "one of ns, us"),
        (time_ns, "20 mJ", "is not a time"),
        (time_ns, "-1ms", "is not a time"),
        (energy_j, "50ms", "is not a energy"),
        (size_bytes, "2Mb", "is not a size"),
        (share, "88", "write 0.88 or 88%"),
        (share, "nan", "is not a fraction"),
    ],
)
def test_other_bounds_are_refused_with_what_to_write(parse, text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        parse(text)


def test_the_answer_has_evidence_runner_up_and_what_binds(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", run, "--max-latency", "20ms", "--min-top1", "0.91", "--max-size", "2MB"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("mobilenet_v2-0.35-32 · int8-static · litert-xnnpack · t1\n")
    for part in (
        "latency p50  0.7",
        "(at most 20 ms)",
        "top-1        91.0 ±0.6 %  (at least 91 %)",
        "runner-up: mobilenet",
        "of 24 comparable cases fit",
        "--min-top1 limits the choice: without it efficientnet",
    ):
        assert part in out
    assert "--max-size limits" not in out


def test_when_nothing_fits_it_says_what_would(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", run, "--max-latency", "1us"]) == 4
    out = capsys.readouterr().out
    assert "nothing fits: 0 of 24 comparable cases" in out
    assert "would fit with --max-latency 0.447 ms: shufflenet" in out
    assert main(["recommend", run, "--max-latency", "0.447ms"]) == 0
    assert "1 of 24 comparable cases fit" in capsys.readouterr().out
    assert main(["recommend", run, "--max-latency", "1us", "--max-size", "1B"]) == 4
    assert "changing a single bound is not enough" in capsys.readouterr().out


def test_a_bound_on_what_nobody_measured_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = str(factory.write_run(tmp_path / "bare", factory.nets()[:2]).path)
    assert main(["recommend", bare, "--max-energy", "50mJ"]) == 4
    assert "--max-energy cannot be met: no power sensor: /sys/class/powercap is absent" in capsys.readouterr().out


def test_the_answer_as_json(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", run, "--max-drop", "0.5%", "--max-energy", "50mJ", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["bounds"] == {"energy_net_j": 0.05, "top1_drop": 0.005}
    assert answer["best"]["case"] == "shufflenet_v2-0.5-32|int8-dynamic|litert-xnnpack|t1"
    assert answer["best"]["latency_p50_ns"]["lo"] < answer["best"]["latency_p50_ns"]["value"]
    assert [one["bound"] for one in answer["binding"]] == ["top1_drop"]
    assert answer["relax"] == []


def test_a_run_without_accuracy_and_a_bound_without_unit_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = [dataclasses.replace(plan, top1=None) for plan in factory.nets()[:2]]
    run = str(factory.write_run(tmp_path / "bare", bare).path)
    assert main(["recommend", run]) == EXIT_NOTHING_MEASURED
    assert "no case has both a latency and an accuracy" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["recommend", run, "--max-latency", "20"])
    assert left.value.code == EXIT_USAGE
    assert "'20' is not a time: write a number and one of ns, us, µs, ms, s" in capsys.readouterr().err


def test_report_takes_a_baseline(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = factory.write_run(tmp_path / "later", factory.nets()[:3], shift=1.3, started_utc="2026-02-01T00:00:00Z")
    assert main(["report", str(later.path), "--baseline", run, "--out", str(tmp_path / "a.html")]) == 0
    assert capsys.readouterr().out == f"report: {tmp_path / 'a.html'}\n"
    assert "3 of 3 cases slower" in (tmp_path / "a.html").read_text()


def test_a_run_that_cannot_be_trusted_is_not_told_to_score_its_nets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = [dataclasses.replace(plan, status="contended") for plan in factory.nets()[:2]]
    run = str(factory.write_run(tmp_path / "busy", busy).path)
    assert main(["recommend", run, "--min-top1", "0.5"]) == EXIT_NOTHING_MEASURED
    said = capsys.readouterr().err
    assert "no latency can be trusted: 2 contended" in said
    assert "score a net" not in said
    assert main(["recommend", run, "--max-size", "2MB"]) == 0
    assert "(not trusted: contended)" in capsys.readouterr().out
    assert main(["recommend", run, "--max-size", "2MB", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best"]["trusted"] == ["top1", "artifact_bytes"]
