"""What docs/nightly.md promises, a test a promise: each is named by the mark that follows its sentence there.

The detector is asked on arrays whose medians and noise are known exactly, so that each threshold is tried from both
sides; whole nights run on a real store of made-up runs (`tests.fakes.nights`). Nothing is measured.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

import harness
import suites
from harness import cli, store
from harness.cli import run as run_command
from harness.cli.nightly import measure as nightly_command
from harness.core.artifact import sha256_of
from harness.core.quantity import Missing, Value
from harness.core.verdict import Verdict as CaseVerdict
from harness.measure.ab import ProcessTiming
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.presets import profile
from harness.nightly import environments as environments_module
from harness.nightly import exact_metrics
from harness.nightly import night as night_module
from harness.nightly import remeasurement as again_module
from harness.nightly.baselines import BaselineStore, Build
from harness.nightly.environments import Environments
from harness.nightly.outcome import Outcome, exit_code
from harness.nightly.remeasurement import Remeasurement
from harness.nightly.report import NightlyReport, junit, markdown
from harness.nightly.series import NightContext, detect_changes, detect_slow_changes
from harness.stats.nightly import Detector, Settings, Verdict
from harness.store.database.store import Store
from suites.nightly_rules import NightlyRule, NightlyRules
from tests.factory import Plan, record, write_run
from tests.fakes import nights as fakes
from tests.fakes.nights import CASES, FP32, HISTORY, INT8, NO_RULES, VERSIONS, Lab, nights_of, prepared

disks = pytest.fixture(scope="module", autouse=True)(fakes.quick_disks)

U = 0.01
"""Median absolute deviation of the log values of `NOISE`, whose median is 0; its largest are +-2 U."""
NOISE = np.random.default_rng(0).permutation(np.linspace(-2 * U, 2 * U, 45))
SD = 1.4826 * U * (1 + 4 / 45)
"""Robust standard deviation of 45 such nights, enlarged for being estimated from so few."""
BASE = 0.012
LATENCIES = "latency_p50_ns"


def night_logs(*recent: float, base: np.ndarray = NOISE) -> tuple[np.ndarray, np.ndarray]:
    """History and tonight of one series: `base`, quiet nights to fill the week, then the `recent` log changes."""
    week = [0.0] * (7 - len(recent)) + list(recent)
    values = BASE * np.exp(np.concatenate((base, week)))
    return values[None, :-1, None], values[None, -1:]


def found_in(*recent: float, base: np.ndarray = NOISE, settings: Settings | None = None, **ways: Any) -> list[Verdict]:
    """The detector's verdicts on such a night."""
    return Detector(settings).night(*night_logs(*recent, base=base), **ways)


def pairs_of(logs: Sequence[float], asked: list[int] | None = None) -> Callable[[int, int], Any]:
    """Pairs whose log ratios are these, whatever the machine does; `asked` takes down how many were asked for."""

    def ab(_series: int, pairs: int) -> tuple[np.ndarray, np.ndarray]:
        if asked is not None:
            asked.append(pairs)
        machine = np.exp(np.random.default_rng(pairs).normal(size=len(logs)))
        return machine, machine * np.exp(np.asarray(logs))

    return ab


def ranked(negative: Sequence[int], step: float = 0.004) -> np.ndarray:
    """20 log ratios of distinct size, `step` apart; those of the ranks `negative` are below 0."""
    ranks = np.arange(1, 21)
    return step * np.where(np.isin(ranks, negative), -ranks, ranks)


CONFIRMED, MISSED = ranked([20, 6]), ranked([20, 7])
"""Wilcoxon's exact p is .00199 and .00233."""


def kinds(verdicts: Sequence[Verdict | Outcome]) -> list[str]:
    return [one.kind for one in verdicts]


def of(outcomes: Sequence[Outcome], metric: str, case: str = FP32) -> Outcome:
    """The one finding on that series."""
    (found,) = [one for one in outcomes if (one.case_id, one.metric) == (case, metric)]
    return found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return fakes.make_history(tmp_path_factory.mktemp("history"))


@pytest.fixture
def lab(history: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A bench with 18 nights behind it."""
    made = fakes.copy_of(history, tmp_path)
    made.plug_in(monkeypatch)
    return made


@pytest.fixture
def command(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`edgebench nightly quick` with a run that was made up; the exit code."""

    def run(*arguments: str, **night: Any) -> int:
        bench = lab.bench(**night)
        lab.written = bench.folder.path
        monkeypatch.setattr(run_command, "planned", lambda _config: replace(bench.plan, nightly_rules=lab.rules))
        monkeypatch.setattr(run_command, "measure", lambda _config, _plan, _arguments: bench)
        return cli.main(["nightly", "run", "quick", "--store", str(lab.store_path), "--no-report", *arguments])

    return run


def tonight_of(
    folder: Path,
    build: str = "new",
    kept: str | None = "old",
    versions: dict[str, str] = VERSIONS,
    can: bool = False,
    rules: NightlyRules = NO_RULES,
    labelled: bool = False,
) -> NightContext:
    """What was measured and what is kept; `kept` None: nothing is."""
    index = BaselineStore(folder / "bench" / "kept" / "quick-x86-64.json")
    for case in CASES if kept is not None else ():
        old = prepared(folder, case, kept or "", labelled)
        index.add_latest(case.id, Build.of(old, "before", VERSIONS, "a1b2c3"), old.artifact)
        index.approve(case.id)
    new = {case.id: prepared(folder, case, build, labelled) for case in CASES}
    builds = {name: Build.of(one, "tonight", versions, "d4e5f6") for name, one in new.items()}
    return NightContext(new, builds, index, fakes.Environments(can), rules)  # type: ignore[arg-type]


def two_series(*recent: float, metric: str = LATENCIES) -> Any:
    """Nights of two cases: fp32 does `recent`, the other nothing."""
    past, last = night_logs(*recent)
    quiet = BASE * np.exp(np.concatenate((NOISE, [0.0] * 7)))
    return nights_of(metric, np.stack((np.append(past[0, :, 0], last), quiet)))


# --- the command and its exit codes


def test_a_night_measures_keeps_compares_and_says(lab, command, capsys) -> None:
    lab.remeasurement.ratio = 1.06
    assert command(build="new", slow={FP32: 1.06}) == 1
    told = capsys.readouterr().out
    assert lab.remeasurement.calls == [("ab", FP32, LATENCIES, "old", "new")], "only what looks different"
    assert f"regression: {FP32} {LATENCIES}: +6.0 % [" in told
    with store.open(lab.store_path) as opened:
        assert opened.series(LATENCIES).runs[-1].run_id == f"night{HISTORY + 1}"
    lab.remeasurement.calls.clear()
    assert command() == 0
    assert "nothing to report" in capsys.readouterr().out
    assert lab.remeasurement.calls == [], "a quiet night measures nothing again"


def test_every_option_of_run_holds(tmp_path) -> None:
    parsers = {name: argparse.ArgumentParser() for name in ("run", "nightly")}
    run_command.add_arguments(parsers["run"])
    nightly_command.add_arguments(parsers["nightly"])
    strings = {
        name: {text for one in parser._actions for text in one.option_strings} for name, parser in parsers.items()
    }
    not_of_nights = {"--export", "--on", "--require"}  # a night has limits in its suite, and runs on its own machine
    assert strings["run"] - strings["nightly"] == not_of_nights
    asked = ["--model", "build/net.onnx", "--data", "photos/", "--threads", "2", "--profile", "smoke", "--batch", "4"]
    both = [vars(parser.parse_args(asked)) for parser in parsers.values()]
    kept = {name: value for name, value in both[0].items() if f"--{name}" not in not_of_nights}
    assert kept.items() <= both[1].items()
    assert (both[1]["model"], both[1]["data"], both[1]["threads"]) == (["build/net.onnx"], "photos/", 2)


@pytest.mark.parametrize(
    ("slow", "ratio", "told"), [({}, 1.0, "nothing to report"), ({FP32: 0.9}, 0.9, "1 improvement")]
)
def test_exit_0_nothing_to_report_or_improvements_alone(lab, command, capsys, slow, ratio, told) -> None:
    lab.remeasurement.ratio = ratio
    assert command(build="new", slow=slow) == 0
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("broken", [True, False])
def test_exit_1_regression_or_limit_broken(lab, command, broken) -> None:
    if broken:
        limited = NightlyRules((NightlyRule(limits=("p50 <= 1 ms",)),))
        lab.rules = limited
        assert command() == 1
    else:
        lab.remeasurement.ratio = 1.06
        assert command(build="new", slow={FP32: 1.06}) == 1


def test_exit_3_nothing_was_measured(lab, command) -> None:
    assert command(status=dict.fromkeys((FP32, INT8), "crashed")) == 3
    assert not (lab.written / "verdicts.json").exists(), "nothing is judged"
    assert command(status={FP32: "crashed"}) != 3


def test_exit_10_inconclusive(lab, command) -> None:
    lab.remeasurement.fails = True
    assert command(build="new", slow={FP32: 1.06}) == 10


def test_exit_11_environment_changed(lab) -> None:
    cases = [replace(CASES[0], model=f"net{number}") for number in range(8)]
    with store.open(lab.store_path) as opened:
        for day in range(100, 106):
            opened.append(lab.run(cases=cases, day=day))
    for lab.remeasurement.ratio, code in ((1.0, 0), (1.05, 11)):
        report = lab.night(cases=cases, slow={case.id: 1.05 for case in cases})
        assert exit_code(report.outcomes) == code
        assert {how for how, *_ in lab.remeasurement.calls} == {"rerun"}


@pytest.mark.parametrize("status", ["crashed", "throttled", "emulated"])
def test_exit_12_device_or_infrastructure(command, status) -> None:
    assert command(status={FP32: status}) == 12


def test_exit_2_wrong_usage_130_interrupted(lab, command, tmp_path) -> None:
    assert cli.main(["nightly", "run", "no-such-suite", "--store", str(tmp_path / "new.sqlite")]) == 2
    assert not (tmp_path / "new.sqlite").exists(), "an unknown suite leaves no store behind"
    assert command(interrupted=True) == 130
    assert not (lab.written / "verdicts.json").exists()
    with store.open(lab.store_path) as opened:
        assert len(opened.series(LATENCIES).runs) == HISTORY, "it is not judged"
    assert cli.main(["nightly", "accept", "fp32", "--store", str(lab.store_path)]) == 2, "no reason"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (["transient", "improvement"], 0),
        (["improvement", "inconclusive", "transient"], 10),
        (["inconclusive", "environment"], 11),
        (["environment", "infrastructure", "inconclusive"], 12),
        (["environment", "infrastructure", "regression"], 1),
    ],
)
def test_gravest_finding_decides_the_exit_code(found, code) -> None:
    assert exit_code([Outcome(kind, FP32, LATENCIES, "") for kind in found]) == code


# --- 1. measure


def test_a_night_is_in_the_store_whatever_comes_of_it(lab) -> None:
    lab.remeasurement.ratio = 1.5
    lab.night(build="new", slow={FP32: 1.5})
    lab.night(status={FP32: "crashed"})
    with store.open(lab.store_path) as opened:
        nights = opened.series(LATENCIES)
        assert [run.run_id for run in nights.runs[-2:]] == [f"night{HISTORY + 1}", f"night{HISTORY + 2}"]
        row = [one.case_id for one in nights.series].index(FP32)
        assert nights.values[row, -2].min() == pytest.approx(0.003, rel=0.02)
        assert np.isnan(nights.values[row, -1]).all()


def test_history_is_of_the_same_suite_target_and_machine(tmp_path, monkeypatch) -> None:
    """Five nights of another suite, target and machine each make no sixth night; a night of fp32 alone no fifth."""
    lab = Lab(tmp_path)
    lab.plug_in(monkeypatch)
    read: list[list[str]] = []

    def look(metric: str, nights: Any, *rest: Any) -> list[Outcome]:
        read.append([run.run_id for run in nights.runs])
        return detect_changes(metric, nights, *rest)

    monkeypatch.setattr(night_module, "detect_changes", look)
    strange = [{"suite": "other"}, {"target": "raspberry-pi-5"}, {"machine": "m2"}, {"machine": None}]
    with store.open(lab.store_path) as opened:
        for place in strange:
            for number in range(5):
                opened.append(lab.run({INT8: 9.0}, day=number + strange.index(place) / 10, **place))
        for day in (13, 10, 12, 11):
            opened.append(lab.run({INT8: 1 + (day - 10) / 1000}, day=day))
        opened.append(lab.run(day=14, cases=CASES[:1]))
    lab.remeasurement.ratio = 1.5
    assert not lab.night(day=20, slow={INT8: 1.5}).outcomes, "four nights before"
    assert [runs for runs in read if runs] == [[f"night{day}" for day in (13, 10, 12, 11, 14, 20)]] * 6
    with store.open(lab.store_path) as opened:
        nights = opened.series(LATENCIES, store.Filters(suite="quick", target="x86-64", machine="m1"))
        assert [run.run_id for run in nights.runs] == [f"night{day}" for day in (13, 10, 12, 11, 14, 20)]
        assert [run.git_sha for run in nights.runs] == [f"c{day}" for day in (13, 10, 12, 11, 14, 20)]
        row = [one.case_id for one in nights.series].index(INT8)
        assert np.isnan(nights.values[row, 4]).all()
        (measured,) = [one for one in lab.run({INT8: 1.003}, day=13).records() if one.case_id == INT8]
        seconds = [process.median_ns / 1e9 for process in measured.processes]
        assert nights.values[row, 0].tolist() == pytest.approx(seconds, rel=1e-9)
        assert nights.lo[row, 0] < nights.value[row, 0] < nights.hi[row, 0]
        assert nights.value[row, 0] == pytest.approx(np.median(seconds))
        assert (nights.n[row, [0, 4]].tolist(), nights.status[row, [0, 4]].tolist()) == ([3, 0], ["precise", ""])
        assert nights.values[row, 0] / nights.values[row, 1] == pytest.approx(1.003, rel=1e-4)
        assert [run.run_id for run in opened.series(LATENCIES, store.Filters(suite="quick"), last=2).runs][
            -1
        ] == "night20"
        last = opened.series(LATENCIES, store.Filters(suite="quick", machine="m1", target="x86-64"), last=2)
        assert [run.run_id for run in last.runs] == ["night14", "night20"]
        assert last.values.shape[1] == 2
    history = np.repeat([1.0, 2.0], [20, 1])[None, :, None]
    assert Detector().night(history, [[np.nan]]) == [], "what was not measured tonight"
    assert len(found_in(0.05, np.nan, 0.05, 0.0)) == 1, "the last three measured nights"
    found = of(lab.night(day=21, slow={INT8: 2.0}).outcomes, LATENCIES, INT8)
    assert found.evidence["baseline_nights"] == 5
    assert found.evidence["before"] == pytest.approx(np.sort(seconds)[0] * 1.002 / 1.003, rel=1e-4), (
        "the median of five nights"
    )


def test_spoiled_figures_are_no_history(lab) -> None:
    """Six contended nights at three times the latency: what they know is kept, and their times move no baseline."""
    with store.open(lab.store_path) as opened:
        for _ in range(6):
            opened.append(lab.run({FP32: 3.0}, status={FP32: "contended"}))
        times, memory = opened.series(LATENCIES), opened.series("peak_rss_bytes")
    for nights, spoiled in ((times, True), (memory, False)):
        row, other = ([one.case_id for one in nights.series].index(case) for case in (FP32, INT8))
        assert np.isnan(nights.values[row, -6:]).all() == spoiled
        assert not np.isnan(nights.values[other, -6:]).all(axis=-1).any()
        assert not np.isnan(nights.value[row, -6:]).any(), "as it was recorded"
    lab.remeasurement.ratio = 1.5
    found = of(lab.night(build="new", slow={FP32: 1.5}).outcomes, LATENCIES)
    assert (found.kind, found.evidence["baseline_nights"]) == ("regression", HISTORY - 6)
    assert found.evidence["before"] == pytest.approx(0.002, rel=0.02)
    with store.open(lab.store_path) as opened:
        opened.append(lab.run({FP32: 3.0}, status={FP32: "drifted"}))
        latest = opened.latest_against_previous(store.Filters(case=FP32)).set_index("metric").ratio
    assert np.isnan(latest[LATENCIES])
    assert latest["artifact_bytes"] == 1.0


@pytest.mark.parametrize("status", ["contended", "no-steady-state", "drifted", "wrong-output"])
def test_spoiled_times_are_told_and_not_judged(lab, status) -> None:
    lab.remeasurement.ratio = 1.5
    (found,) = lab.night("new", slow={FP32: 1.5}, status={FP32: status}).outcomes
    assert (found.kind, found.case_id, found.metric) == ("inconclusive", FP32, "")
    assert found.sentence.startswith(f"{status}: ")
    assert "not compared with earlier nights: times, energy" in found.sentence
    assert found.casts_doubt, "its build is not taken for a good one"
    assert not lab.remeasurement.calls
    rules = NightlyRules([NightlyRule(limits=("p50 <= 1 us", "size <= 1 GB"))])
    kinds_of = {one.metric: one.kind for one in lab.night("new", rules, status={FP32: status}).outcomes
                if one.case_id == FP32}  # fmt: skip
    assert kinds_of == {"": "inconclusive", LATENCIES: "inconclusive"}, "a limit on a time is neither kept nor broken"
    (device,) = lab.night(slow={FP32: 1.5}, status={FP32: "throttled"}).outcomes
    assert (device.kind, device.case_id) == ("infrastructure", "")


def test_smoke_nights_compare_no_times(lab) -> None:
    lab.remeasurement.ratio = 1.5
    report = lab.night("new", slow={FP32: 1.5, INT8: 1.5}, status=dict.fromkeys((FP32, INT8), "untimed"))
    assert report.outcomes == []
    assert not lab.remeasurement.calls
    assert "2 cases, not measured for latency" in markdown(report)


@pytest.mark.parametrize(
    ("nights", "missing", "since", "judged"),
    [(4, 0, 0, False), (5, 0, 0, True), (6, 2, 0, False), (6, 1, 0, True), (60, 0, 55, True), (60, 0, 56, False)],
)
def test_a_series_is_judged_from_its_sixth_night(nights, missing, since, judged) -> None:
    values = np.full((1, nights, 1), BASE)
    values[:, 1 : 1 + missing] = np.nan
    values[:, :since] *= 3
    found = Detector().night(values, np.full((1, 1), 2 * BASE), since=[since])
    assert bool(found) == judged
    for one in found:
        assert one.evidence.baseline_nights == 5
        assert one.evidence.before == pytest.approx(BASE)
        assert one.evidence.tonight == pytest.approx(2 * BASE)


@pytest.mark.parametrize(
    ("processes", "counts"),
    [
        ([1.5, 1.0, 9.0, 1.1, 9.0], 1.1),
        ([1.5, 1.0, np.nan, 1.1, np.nan], 1.0),
        ([1.5, 1.2, 1.3, 1.4, 1.0, 1.1, 1.6, 1.7], 1.1),
        ([1.5, 1.0, 1.1, 1.2], 1.0),
        ([1.5], 1.5),
    ],
)
def test_a_night_counts_by_the_lower_quartile_of_its_processes(processes, counts) -> None:
    history = np.ones((1, 20, len(processes)))
    (found,) = Detector(Settings(min_effect=0.0)).night(history / 2, [processes])
    assert found.evidence.tonight == pytest.approx(counts)
    (found,) = Detector(Settings(min_effect=0.0)).night(np.tile(processes, (1, 20, 1)), 20 * history[:, 0])
    assert found.evidence.before == pytest.approx(counts)
    (found,) = Detector(Settings(better="more")).night(2 * history, [1 / np.asarray(processes)])
    assert found.evidence.tonight == pytest.approx(1 / counts), "of throughput the upper one"


# --- 2. common mode


def together(
    shifts: Sequence[float], scatter: float = 0.001, common: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """History and tonight of as many series: each its own noise, all nights' `common` noise, tonight the `shifts`."""
    rng = np.random.default_rng(1)
    logs = np.stack([scatter * rng.permutation(np.linspace(-2, 2, 45)) for _ in shifts]) + common / U * NOISE
    values = BASE * np.exp(np.column_stack((logs, np.zeros((len(shifts), 6)))))
    return values[:, :, None], BASE * np.exp(np.asarray(shifts))[:, None], values


def test_what_all_series_did_is_taken_off_every_series() -> None:
    seven, eight = ([0.028] * count for count in (7, 8))
    assert Detector().night(*together(eight)[:2]) == []
    assert len(Detector().night(*together(seven)[:2])) == 7
    past, today, _ = together(eight)
    today[0] = np.nan
    assert len(Detector().night(past, today)) == 7, "seven of eight were measured"
    past, today, _ = together([0.028 + 0.05, *eight])
    (one,) = Detector().night(past, today, ab=pairs_of(0.05 + ranked([], 0.0001)))
    assert (one.series, one.kind) == (0, "regression")
    assert one.evidence.common == pytest.approx(np.expm1(0.028), abs=0.002)
    assert one.evidence.tonight / one.evidence.before == pytest.approx(np.exp(0.05), abs=0.002)
    for better, sign in (("more", -1), ("less", 1)):
        (one,) = Detector(Settings(better=better)).night(
            *together([sign * (0.028 + 0.05), *[sign * 0.028] * 8])[:2],
            rerun=lambda _, s=sign: [BASE * np.exp(s * 0.078)],
        )
        assert (one.series, one.kind) == (0, "regression"), "what all did is taken off the second measurement too"
        assert np.log(one.ratio) == pytest.approx(sign * 0.05, abs=0.002)


@pytest.mark.parametrize("sign", [1, -1])
def test_environment_is_told_from_three_smallest_changes_on(sign) -> None:
    def machine(shifts: Sequence[float], settings: Settings | None = None, **noise: float) -> list[Verdict]:
        past, today, _ = together(sign * np.asarray(shifts), **noise)
        return [one for one in Detector(settings).night(past, today) if one.series is None]

    assert machine([np.log(1.0290)] * 9) == []
    (told,) = machine([np.log(1.0310)] * 9)
    assert (told.kind, told.evidence.recent_nights) == ("environment", 1)
    assert np.log(told.ratio) == pytest.approx(sign * np.log(1.031), abs=0.002)
    assert told.lo < told.ratio < told.hi
    assert machine([np.log(1.0590)] * 9, Settings(min_effect=0.02)) == []
    assert kinds(machine([np.log(1.0610)] * 9, Settings(min_effect=0.02))) == ["environment"]

    *_, values = together([0.0] * 9, common=U)
    usual = np.median(np.log(values) - np.median(np.log(values), axis=1, keepdims=True), axis=0)
    deviation = 1.4826 * np.median(np.abs(usual - np.median(usual)))
    assert machine([3.9 * deviation] * 9, common=U) == []
    (told,) = machine([4.1 * deviation] * 9, common=U)
    assert told.evidence.spread == pytest.approx(1.96 * deviation, rel=0.01)

    few = BASE * np.exp(np.tile([0.0, 0.02] * 3, (9, 1)))
    (told,) = [
        one for one in Detector().night(few[:, :, None], BASE * np.exp(np.full((9, 1), 0.1))) if one.series is None
    ]
    assert np.log(told.ratio) == pytest.approx(0.09), "tonight is no part of what is usual"

    assert len(machine([0.05] * 6 + [-0.002] * 3)) == 1, "two thirds"
    assert machine([0.05] * 5 + [-0.002] * 4) == []


@pytest.mark.parametrize(
    ("again", "kind"),
    [
        ((0.021, 0.021, 0.021), "environment"),
        ((0.019, 0.019, 0.019), "transient"),
        ((0.04, 0.04, 0.0), "environment"),
        ((0.04, 0.0, 0.0), "transient"),
        ((-0.04, -0.04, -0.04), "transient"),
    ],
)
@pytest.mark.parametrize("better", ["less", "more"])
def test_environment_must_be_shown_again_by_three_series(again, kind, better) -> None:
    past, today, values = together([0.034, 0.036, 0.038, 0.039, 0.040, 0.041, 0.042, 0.044, 0.046])
    level, asked = np.median(values, axis=1), []

    def rerun(series: int) -> list[float]:
        asked.append(series)
        value = level[series] * np.exp(again[len(asked) - 1])
        return [value if better == "less" else 1 / value]

    if better == "more":
        past, today = 1 / past, 1 / today
    (machine,) = Detector(Settings(better=better)).night(past, today, rerun=rerun)
    assert sorted(asked) == [3, 4, 5], "those that moved most like all"
    assert (machine.series, machine.kind) == (None, kind)
    assert np.log(machine.ratio) == pytest.approx(0.04 if better == "less" else -0.04, abs=0.002)
    middle = np.exp(np.median(again))
    assert machine.evidence.confirmed == pytest.approx(middle if better == "less" else 1 / middle, abs=1e-3)


# --- 3. screen


@pytest.mark.parametrize(
    "recent",
    [
        (0.05,),
        (0.09, 0.0),
        (0.05, 0.05, 0.0),
        (0.05, 0.05, 0.0, 0.05, 0.0),
        (0.05, 0.05, 0.05, 0.0, 0.05, 0.0, 0.0),
    ],
    ids=lambda recent: str(len(recent)),
)
def test_screen_takes_1_2_3_5_and_7_nights_against_45(recent) -> None:
    """Each of these changes shows in the median of so many nights and of no other number."""
    count = len(recent)
    only = Settings(recent_nights=tuple(k for k in (1, 2, 3, 5, 7) if k != count or k == 1))
    if count > 1:
        assert found_in(*recent, settings=only) == []
    before = np.concatenate((np.full(30, 1.0), NOISE))
    past, last = night_logs(*recent, base=before)
    (found,) = Detector().night(past, last)
    assert found.evidence.baseline_nights == 45
    assert found.evidence.before == pytest.approx(BASE, rel=1e-9)
    assert found.evidence.spread == pytest.approx(1.96 * 1.4826 * U, rel=1e-9)
    assert Settings().recent_nights == (1, 2, 3, 5, 7)
    last_week = np.full(7, 0.05)
    (found,) = found_in(*last_week)
    assert found.evidence.before == pytest.approx(BASE, rel=1e-9), "the week is no part of its baseline"
    assert found.evidence.recent_nights == 7


@pytest.mark.parametrize(("nights", "baseline"), [(15, 15), (16, 10)])
def test_young_series_are_judged_by_tonight_alone(nights, baseline) -> None:
    quiet = np.full((1, nights, 1), BASE)
    (found,) = Detector().night(quiet, [[1.1 * BASE]])
    assert (found.evidence.baseline_nights, found.evidence.recent_nights) == (baseline, 1)
    quiet[0, -2:] *= 1.1
    assert bool(Detector().night(quiet, [[BASE]])) == (nights == 16), "the median of the last three nights"


@pytest.mark.parametrize("better", ["less", "more"])
@pytest.mark.parametrize(
    ("change", "scale", "suspicious"),
    [
        (+2.33 * SD, 1.0, True),
        (+2.27 * SD, 1.0, False),
        (-4.05 * SD, 1.0, True),
        (-3.95 * SD, 1.0, False),
        (+np.log(1.0102), 0.01, True),
        (+np.log(1.0098), 0.01, False),
        (-np.log(1.0102), 0.01, True),
        (-np.log(1.0098), 0.01, False),
    ],
)
def test_suspicious_is_beyond_the_smallest_change_and_the_noise(better, change, scale, suspicious) -> None:
    past, last = night_logs(change, base=scale * NOISE)
    if better == "more":
        past, last = 1 / past, 1 / last
    found = Detector(Settings(better=better)).night(past, last)
    assert bool(found) == suspicious
    assert all(np.sign(np.log(one.ratio)) == np.sign(change if better == "less" else -change) for one in found)
    least = 2.3 * 0.001 * (1 + 4 / 45)
    told = [found_in(part * least, base=0 * NOISE, settings=Settings(min_effect=0.0)) for part in (1.02, 0.98)]
    assert [len(verdicts) for verdicts in told] == [1, 0]


@pytest.mark.parametrize("sign", [1, -2])
@pytest.mark.parametrize(("share", "suspicious"), [(0.48, True), (0.52, False)])
def test_what_is_older_than_a_week_is_no_news(sign, share, suspicious) -> None:
    """The nights of the last week were up by this share of tonight's change, each too little to be suspicious."""
    change = sign * 0.06
    assert bool(found_in(*[share * change] * 6, change)) == suspicious
    settled = np.concatenate((NOISE, [0.06] * 7))
    assert found_in(*[0.06] * 7, base=settled) == []


@pytest.mark.parametrize(
    ("before", "change", "suspicious"),
    [
        ([0.1], 0.045, True),
        ([0.1, 0.1], 0.045, False),
        ([0.045, 0.045], 0.045, False),
        ([0.044, 0.044], 0.045, True),
        ([0.1, 0.1], 4.55 * SD, False),
        ([0.1, 0.1], 4.65 * SD, True),
    ],
)
def test_what_single_nights_did_before_is_not_suspicious(before, change, suspicious) -> None:
    base = NOISE.copy()
    base[np.argsort(base)[-len(before) :]] = before
    assert bool(found_in(change, base=base)) == suspicious


def test_series_are_six_metrics_of_every_case(lab, monkeypatch) -> None:
    judged: list[tuple[str, set[str]]] = []

    def look(metric: str, nights: Any, *rest: Any) -> list[Outcome]:
        judged.append((metric, {one.case_id for one in nights.series}))
        return detect_changes(metric, nights, *rest)

    monkeypatch.setattr(night_module, "detect_changes", look)
    with store.open(lab.store_path) as opened:
        for day in range(100, 106):
            opened.append(lab.run(day=day, joules=0.01))
    lab.night(joules=0.01)
    metrics = ["latency_p50_ns", "latency_p90_ns", "throughput_per_s", "energy_gross_j", "peak_rss_bytes", "load_ns"]
    assert sorted(metric for metric, _ in judged) == sorted(metrics)
    assert all(cases == {FP32, INT8} for _, cases in judged)
    lab.remeasurement.ratio = 1.5
    report = lab.night(joules=0.02, build="new", slow={INT8: 1.5})
    assert {(one.case_id, one.metric) for one in report.outcomes} == {
        *((case, "energy_gross_j") for case in (FP32, INT8)),
        *((INT8, metric) for metric in ("latency_p50_ns", "latency_p90_ns", "throughput_per_s")),
    }


@pytest.mark.parametrize(
    ("change", "same_build", "suspicious"),
    [
        (1.05 * SD, [False], True),
        (0.95 * SD, [False], False),
        (1.05 * SD, [True], False),
        (1.05 * SD, None, False),
        (-3.9 * SD, [False], False),
    ],
)
def test_another_build_is_looked_at_more_closely(tmp_path, change, same_build, suspicious) -> None:
    pairs = pairs_of(ranked([], 0.0001) + change)
    assert bool(found_in(change, same_build=same_build, ab=pairs)) == suspicious
    assert found_in(change, same_build=same_build) == [], "not where pairs cannot decide"
    if same_build == [False]:
        remeasurement: Any = fakes.FakeRemeasurement(float(np.exp(change)))
        now = tonight_of(tmp_path)
        assert bool(detect_changes(LATENCIES, two_series(change), now, remeasurement, Settings())) == suspicious
        loss = two_series(-change, metric="throughput_per_s")
        assert detect_changes("throughput_per_s", loss, now, remeasurement, Settings()) == []


# --- 4. confirm


class Board:
    """Stands for the processes: the n-th takes n ms, one of tonight's build 10 more; the one numbered `fails` dies."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, fails: int = 0) -> None:
        self.old, self.new = (prepared(folder, CASES[0], content) for content in ("old", "new"))
        self.ran: list[tuple[str, Path, int]] = []
        self.fails = fails
        patch.setattr(again_module, "time_process", self)
        patch.setattr(again_module, "write_inputs", lambda block, scratch: {})

    def __call__(self, one: Any, length: Any, out: Path, seed: int, feeds: Any = None) -> ProcessTiming | WorkerFailure:
        self.ran.append((one.artifact.path.read_text(), out, seed))
        if len(self.ran) == self.fails:
            return WorkerFailure(CaseVerdict("crashed", "signal 11"), "")
        number = len(self.ran) + 10 * (one is self.new)
        return ProcessTiming(1e6 * number, 1e6, load_ns=1_000_000 * number, peak_rss_bytes=number)


def test_suspicious_cases_run_in_20_pairs_in_randomised_abba_order(tmp_path, monkeypatch) -> None:
    asked: list[int] = []
    found_in(0.06, ab=pairs_of(ranked([]), asked))
    assert asked == [20]
    orders = set()
    for seed in range(4):
        board = Board(tmp_path, monkeypatch)
        a, b = Remeasurement(profile("smoke"), tmp_path, seed, lambda _: None).ab(board.old, board.new, LATENCIES, 20)
        assert len(board.ran) == 40
        assert len({out for _, out, _ in board.ran}) == 40, "fresh processes"
        ran = [content for content, *_ in board.ran]
        fours = {tuple(ran[i : i + 4]) for i in range(0, 40, 4)}
        assert fours == {("old", "new", "new", "old"), ("new", "old", "old", "new")}, "both, by a coin"
        orders.add(tuple(ran))
        seeds = [seed for *_, seed in board.ran]
        assert seeds[::2] == seeds[1::2], "both of a pair get the same inputs"
        assert (1000 * b - 1000 * a - 10).round(6).tolist() == [1 if i == "old" else -1 for i in ran[::2]]
    assert len(orders) > 1
    board = Board(tmp_path, monkeypatch, fails=39)
    assert Remeasurement(profile("smoke"), tmp_path, 0, lambda _: None).ab(board.old, board.new, LATENCIES, 20) is None


@pytest.mark.parametrize("better", ["less", "more"])
@pytest.mark.parametrize(
    ("suspected", "logs", "kind", "count"),
    [
        (+0.06, CONFIRMED, "regression", 20),
        (+0.06, MISSED, "inconclusive", 40),
        (-0.09, -CONFIRMED, "improvement", 20),
        (-0.09, -MISSED, "inconclusive", 40),
        (+0.06, ranked([], 1e-6) + np.log(1.0101), "regression", 20),
        (+0.06, ranked([], 1e-6) + np.log(1.0098), "transient", 20),
        (-0.09, ranked([], 1e-6) - np.log(1.0098), "transient", 20),
        (+0.06, ranked([], 1e-6) - 0.05, "improvement", 20),
        (+0.06, ranked([20, 18, 16, 14, 12, 10, 8], 0.0004), "transient", 20),
        (+0.06, ranked([20, 18, 16, 14, 12, 10, 8], 0.004), "inconclusive", 40),
    ],
)
def test_pairs_confirm_or_refute(better, suspected, logs, kind, count) -> None:
    """The p-values of `CONFIRMED` and `MISSED` lie on either side of .002; 40 pairs are here the same 20 twice."""
    sign = 1 if better == "less" else -1
    past, last = night_logs(suspected)
    if better == "more":
        past, last = 1 / past, 1 / last
    asked: list[int] = []
    few = pairs_of(sign * np.asarray(logs), asked)
    open_still = pairs_of(sign * np.asarray([0.5, -0.5] * 10), asked)
    ways = {"ab": lambda s, pairs: few(s, pairs) if not asked else open_still(s, pairs)}
    (found,) = Detector(Settings(better=better)).night(past, last, **ways)
    assert (found.kind, found.evidence.means, sum(asked)) == (kind, "ab", count)
    assert found.lo <= found.ratio <= found.hi
    if count == 20:
        assert found.evidence.pairs_worse == int(np.sum(np.asarray(logs) > 0))
        assert np.sign(np.log(found.ratio)) == sign * np.sign(np.median(logs))


@pytest.mark.parametrize(("real", "kind"), [(0.0, "transient"), (0.05, "regression")])
def test_what_the_machine_does_tonight_drops_out_of_pairs(real, kind) -> None:
    """`pairs_of` runs each pair at a speed of its own, up to many times slower than any night."""
    (found,) = found_in(0.3, ab=pairs_of(real + ranked([1, 3, 5, 7, 9, 11], 0.0001)))
    assert found.kind == kind
    assert found.ratio == pytest.approx(np.exp(real), abs=0.002)


@pytest.mark.parametrize(
    ("first", "second", "asked", "kind"),
    [
        (MISSED, CONFIRMED, 40, "regression"),
        (MISSED, -MISSED, 40, "inconclusive"),
        (CONFIRMED, -CONFIRMED, 20, "regression"),
        (ranked([], 1e-5), CONFIRMED, 20, "transient"),
    ],
)
def test_open_pairs_are_followed_by_20_more(first, second, asked, kind) -> None:
    counts: list[int] = []
    answers = [pairs_of(logs, counts) for logs in (first, second, ranked([]))]

    def ab(series: int, pairs: int) -> Any:
        return answers[len(counts)](series, pairs)

    (found,) = found_in(0.06, ab=ab)
    assert (counts, found.kind) == ([20] * (asked // 20), kind)
    assert found.evidence.pairs == asked
    assert found.evidence.pairs_worse == sum(int((logs > 0).sum()) for logs in (first, second)[: asked // 20])


def test_metrics_of_a_case_share_its_pairs(tmp_path, monkeypatch) -> None:
    board = Board(tmp_path, monkeypatch)
    said: list[str] = []
    measured = Remeasurement(profile("smoke"), tmp_path, 0, said.append)
    found = {name: measured.ab(board.old, board.new, name, 20) for name in (LATENCIES, "peak_rss_bytes", "load_ns")}
    assert len(board.ran) == 40
    for name, unit in ((LATENCIES, 1e-3), ("peak_rss_bytes", 1.0), ("load_ns", 1e-3)):
        for side in (0, 1):
            assert found[name][side] == pytest.approx(1000 * unit * found[LATENCIES][side])
    more = measured.ab(board.old, board.new, LATENCIES, 20)
    assert len(board.ran) == 80
    assert set(more[0]).isdisjoint(found[LATENCIES][0]), "20 more are others"
    assert said == [f"{FP32}: 20 pairs with the last good build"] * 2


@pytest.mark.parametrize("better", ["less", "more"])
@pytest.mark.parametrize(
    ("sessions", "asked", "kind"),
    [
        ((2.35 * SD, 0.06), 2, "regression"),
        ((0.06, 2.35 * SD), 2, "regression"),
        ((2.25 * SD, 0.06), 1, "inconclusive"),
        ((0.06, 2.25 * SD), 2, "inconclusive"),
        ((0.031, 0.06), 1, "inconclusive"),
        ((0.029, 0.06), 1, "transient"),
        ((0.06, 0.029), 2, "transient"),
        ((-0.06, 0.06), 1, "transient"),
    ],
)
def test_two_fresh_sessions_must_both_show_it(better, sessions, asked, kind) -> None:
    left = list(sessions)

    def rerun(_series: int) -> list[float]:
        value = BASE * np.exp(left.pop(0))
        return [value if better == "less" else 1 / value]

    past, last = night_logs(0.06)
    if better == "more":
        past, last = 1 / past, 1 / last
    (found,) = Detector(Settings(better=better)).night(past, last, rerun=rerun, ab=lambda s, pairs: None)
    assert (found.kind, found.evidence.means, 2 - len(left)) == (kind, "rerun", asked)
    told = np.log(found.ratio) * (1 if better == "less" else -1)
    assert told == pytest.approx(min(sessions) if kind == "regression" else sessions[asked - 1])
    quiet = [
        found_in(0.015, base=0.1 * NOISE, rerun=lambda s, value=value: [BASE * value])[0].kind
        for value in (1.0102, 1.0098)
    ]
    assert quiet == ["regression", "inconclusive"], "nor below the smallest change"
    drifting = [
        found_in(0.06, base=np.sort(NOISE)[::-1], rerun=lambda s, value=value: [BASE * np.exp(value)])[0].kind
        for value in (2.35 * SD, 0.2)
    ]
    assert drifting == ["inconclusive", "regression"], "nights that follow each other are fewer"


def test_failed_second_measurement_is_inconclusive(tmp_path, monkeypatch) -> None:
    for offered in ({"ab": lambda s, pairs: None}, {"rerun": lambda s: None}):
        (found,) = found_in(0.06, **offered)
        assert (found.kind, found.evidence.means) == ("inconclusive", "failed")
    answers: list[Any] = [[BASE * np.exp(0.06)], None]
    (found,) = found_in(0.06, rerun=lambda s: answers.pop(0))
    assert (found.kind, found.evidence.means) == ("inconclusive", "failed"), "one session is not two"
    remeasurement: Any = fakes.FakeRemeasurement(1.06, fails=True)
    (one,) = detect_changes(LATENCIES, two_series(0.06), tonight_of(tmp_path), remeasurement, Settings())
    assert (one.kind, [how for how, *_ in remeasurement.calls]) == ("inconclusive", ["ab", "rerun"])
    whole = profile("quick").processes
    for fails in (0, whole):
        board = Board(tmp_path, monkeypatch, fails)
        session = Remeasurement(profile("quick"), tmp_path, 0, lambda _: None).rerun(board.new, LATENCIES)
        assert [content for content, *_ in board.ran] == ["new"] * whole, "as many processes as the run has"
        assert session is None if fails else session == pytest.approx(0.001 * np.arange(11, 11 + whole))


@pytest.mark.parametrize(("metric", "sign"), [("throughput_per_s", -1), ("latency_p90_ns", 1), ("energy_gross_j", 1)])
@pytest.mark.parametrize(
    ("recent", "kind"),
    [
        ((0.2,), "transient"),
        ((0.2, 0.0, 0.2), "regression"),
        ((0.2, 0.2), "regression"),
        ((4.05 * SD,) * 3, "regression"),
        ((3.95 * SD,) * 3, "inconclusive"),
        ((3.95 * SD,) * 2, "transient"),
        ((-4.05 * SD,) * 3, "improvement"),
    ],
)
def test_metrics_without_a_second_measurement_wait_for_three_nights(tmp_path, metric, sign, recent, kind) -> None:
    """Two of the last three nights make their median."""
    remeasurement: Any = fakes.FakeRemeasurement()
    recent = [sign * change for change in recent]
    (found,) = detect_changes(
        metric, two_series(*recent, metric=metric), tonight_of(tmp_path), remeasurement, Settings()
    )
    assert (found.kind, found.case_id, found.evidence["means"]) == (kind, FP32, "history")
    assert remeasurement.calls == []


def test_what_waits_is_on_file_and_its_build_is_not_good(lab, capsys) -> None:
    """Throughput of fp32 waits in the first of three nights; what is below its smallest change does not."""
    rules = NightlyRules((NightlyRule(min_effect={"p50": 0.5, "p90": 0.5}),))
    for speed in (1.1, 1.0, 1.0):
        assert exit_code(lab.night("new", rules, slow={FP32: speed}).outcomes) == 0
    kept = BaselineStore(lab.folder / "kept" / "quick-x86-64-m1.json")
    good = {case.id: kept.path(kept.last_good(case.id)).read_text() for case in CASES}
    assert good == {FP32: "old", INT8: "new"}
    assert cli.main(["nightly", "show", "throughput", "--store", str(lab.store_path)]) == 0
    told = capsys.readouterr().out
    assert f"transient: {FP32} throughput_per_s: -9." in told


# --- 5. false discovery rate


def test_false_discovery_rate_is_5_percent_a_metric() -> None:
    """One change of p = .00143 among changes that are refuted: it may be one of 34 (.05 / 34 = .00147), not of 35."""
    one, none = pairs_of(ranked([20, 4])), pairs_of(ranked([1, 3, 5, 7, 9, 11, 13, 15], 1e-5))
    past, last = night_logs(0.06)

    def among(count: int, better: str = "less") -> list[str]:
        found = Detector(Settings(common_series=1000)).night(
            np.repeat(past, count, axis=0),
            np.repeat(last, count, axis=0),
            ab=lambda s, pairs: (one if s == 0 else none)(s, pairs),
        )
        return kinds(found)

    assert among(34) == ["regression"] + ["transient"] * 33
    assert among(35) == ["inconclusive"] + ["transient"] * 34


# --- 6. counts


def hits(*, lost: int = 0, won: int = 0, images: int = 1000) -> dict[str, Sequence[bool]]:
    """Answers of the build 'new', which loses and wins so many images against the build 'old'."""
    old = np.zeros(images, dtype=bool)
    old[: images // 2] = True
    new = old.copy()
    new[:lost] = False
    new[images - won :] = True
    return {"old": old.tolist(), "new": new.tolist()}


@pytest.mark.parametrize(
    ("lost", "won", "images", "found"),
    [
        (12, 0, 1000, ["regression"]),
        (0, 12, 1000, ["improvement"]),
        (412, 400, 1000, []),
        (5, 0, 1000, []),
        (19, 0, 10_000, []),
        (20, 0, 10_000, ["regression"]),
        (0, 0, 1000, []),
    ],
)
def test_accuracy_is_compared_image_by_image(tmp_path, lab, lost, won, images, found) -> None:
    """5 lost of 5 have p = .0625; 12 more lost than won are many of 12 and nothing of 812."""
    scores: Any = fakes.Scores(hits(lost=lost, won=won, images=images))
    outcomes = exact_metrics.accuracy(tonight_of(tmp_path, labelled=True), scores, 0.05)
    assert kinds(outcomes) == found * len(CASES)
    for one in outcomes:
        assert f"{lost} images lost, {won} won of {images}" in one.sentence
        assert f"{100 * (won - lost) / images:+.2f} points" in one.sentence
    assert exact_metrics.accuracy(tonight_of(tmp_path, "old", labelled=True), scores, 0.05) == [], "the same build"
    assert exact_metrics.accuracy(tonight_of(tmp_path, kept=None, labelled=True), scores, 0.05) == [], (
        "no last good build"
    )
    if (lost, images) == (12, 1000):
        lab.hits = hits(lost=6)  # p = .03 in one of two cases, the other answers as before
        lab.hits["alt"] = lab.hits["old"]
        assert kinds(lab.night({FP32: "new", INT8: "alt"}, labelled=True).outcomes) == []
        assert kinds(lab.night({FP32: "new"}, labelled=True, cases=CASES[:1]).outcomes) == ["regression"]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [(990, 1000, "regression"), (1000, 990, "improvement"), (1010, 1019, None), (1010, 1001, None), (1000, 1000, None)],
)
def test_sizes_and_limits_are_compared_as_they_are(tmp_path, lab, old, new, found) -> None:
    """Against the last good build and a fixed bound, whatever other nights were like: this is the first one."""
    outcomes = exact_metrics.sizes(tonight_of(tmp_path, "n" * new, "o" * old))
    assert kinds(outcomes) == [found] * 2 * bool(found)
    for one in outcomes:
        assert one.ratio == pytest.approx(new / old)
        assert f"{old} -> {new} bytes" in one.sentence
    fresh = Lab(tmp_path / "fresh")
    fresh.folder.mkdir()
    fresh.remeasurement, rules = lab.remeasurement, NightlyRules((NightlyRule("fp32", limits=("p50 <= 1 ms",)),))
    assert kinds(fresh.night(rules=rules).outcomes) == ["regression"]


@pytest.mark.parametrize(
    ("status", "build", "runs_still", "kind", "told"),
    [
        ("crashed", "new", True, "regression", "the last good build still runs"),
        ("crashed", "new", False, "infrastructure", "the last good build fails too"),
        ("crashed", "old", True, "infrastructure", "there is no other build to try"),
        ("unsupported", "new", True, "regression", "the last good build still runs"),
        ("unsupported", "old", False, "infrastructure", "there is no other build to try"),
        ("timeout", "new", True, "regression", "the last good build still runs"),
        ("out-of-memory", "new", True, "regression", "the last good build still runs"),
    ],
)
def test_case_without_figures_is_a_regression_or_infrastructure(lab, status, build, runs_still, kind, told) -> None:
    lab.runs_still = runs_still
    (found,) = lab.night(build, status={FP32: status}).outcomes
    assert (found.kind, found.case_id) == (kind, FP32)
    assert found.sentence.endswith(told)
    assert found.sentence.startswith(status)
    (found,) = lab.night(build, status={FP32: status}, refused=[FP32]).outcomes
    assert (found.kind, found.case_id) == ("infrastructure", FP32)
    assert found.sentence.endswith("it can no longer be prepared")


def test_unsupported_case_that_never_ran_is_no_finding(lab) -> None:
    cases = [*CASES, replace(CASES[0], compression="fp16")]
    for refused in ((), [cases[2].id]):
        assert lab.night(cases=cases, status={cases[2].id: "unsupported"}, refused=refused).outcomes == []
    (found,) = lab.night(cases=cases, status={cases[2].id: "crashed"}).outcomes
    assert found.kind == "infrastructure", "one that was tried and failed is"


# --- 7. slow losses


def crept(ratio: float, nights: int = 60, noise: float = 1e-3) -> np.ndarray:
    """12 ms, and slower by `ratio` at the end: from the middle of the first fortnight to that of the last one."""
    steps = np.interp(np.arange(nights), (7, nights - 7), (0, 1))
    return BASE * ratio**steps * np.exp(noise * np.random.default_rng(3).normal(size=nights))


def test_slow_losses_are_looked_for_once_a_week(lab, monkeypatch) -> None:
    values = crept(1.05)
    (found,) = Detector().slow(values[None, :, None])
    assert found.ratio == pytest.approx(np.median(values[-14:]) / np.median(values[:14]), rel=1e-5)
    assert found.ratio == pytest.approx(1.05, abs=0.005)
    assert (found.evidence.recent_nights, found.evidence.baseline_nights) == (14, 60)
    assert found.evidence.before == pytest.approx(np.median(values[:14]), rel=1e-5)
    assert found.evidence.tonight == pytest.approx(np.median(values[-14:]), rel=1e-5)
    assert Detector().slow(crept(1.2, 27)[None, :, None]) == [], "two fortnights are needed"
    assert Detector().slow(crept(1.2, 28)[None, :, None]) != []
    reset = np.concatenate((np.full(30, 2 * BASE), values))
    (since,) = Detector().slow(reset[None, :, None], since=[30])
    (told,) = detect_slow_changes(
        LATENCIES, nights_of(LATENCIES, reset[None], since=[30]), tonight_of(lab.folder), Settings()
    )
    assert since.ratio == told.ratio == pytest.approx(found.ratio)

    asked: list[tuple[str, Any]] = []
    marker = Outcome("inconclusive", FP32, LATENCIES, "crept")

    def look(metric: str, nights: Any, tonight: Any, settings: Any, release: Any) -> list[Outcome]:
        asked.append((metric, release))
        return [marker] if metric == LATENCIES else []

    monkeypatch.setattr(night_module, "detect_slow_changes", look)
    read, spans = Store.series, []

    def series(self: Any, metric: str, where: Any = None, *, last: int | None = None, **ends: Any) -> Any:
        spans.append(last)
        return read(self, metric, where, last=last, **ends)

    monkeypatch.setattr(Store, "series", series)
    weekly = []
    for day in (HISTORY, HISTORY + 5, HISTORY + 6, HISTORY + 7, HISTORY + 12, HISTORY + 13):
        report = lab.night(day=day)
        weekly.append((report.slow_pass, len(asked), marker in report.outcomes))
        asked.clear()
    yes, no = (True, 6, True), (False, 0, False)
    assert weekly == [no, no, yes, no, no, yes], "the last night of the history had one: 7 days before the third"
    assert set(spans) == {400}


def test_release_asks_for_slow_losses_since_that_day(lab, command, monkeypatch) -> None:
    """The release was on night 40, 2025-02-10."""
    values = crept(1.08, 100)
    nights, now = nights_of(LATENCIES, values[None]), tonight_of(lab.folder)
    for release, first in ((None, 0), ("2025-02-10", 40)):
        (one,) = detect_slow_changes(LATENCIES, nights, now, Settings(), release)
        assert one.ratio == pytest.approx(np.median(values[-14:]) / np.median(values[first : first + 14]), rel=1e-5)
        assert one.evidence["baseline_nights"] == 100 - first
    late = nights_of(LATENCIES, values[None], since=[60])
    (one,) = detect_slow_changes(LATENCIES, late, now, Settings(), "2025-02-10")
    assert one.evidence["baseline_nights"] == 40, "a reset since then counts"
    asked: list[Any] = []
    monkeypatch.setattr(night_module, "detect_slow_changes", lambda *about: asked.append(about[-1]) or [])
    assert command("--release", "2025-01-05") == 0
    assert asked == ["2025-01-05"] * 6
    assert not json.loads((lab.written / "verdicts.json").read_text())["slow_pass"], "the weekly pass has its own days"


@pytest.mark.parametrize(("metric", "worse"), [(LATENCIES, 1), ("throughput_per_s", -1)])
def test_slow_losses_are_told_as_inconclusive(tmp_path, metric, worse) -> None:
    def told(ratio: float) -> list[str]:
        return kinds(
            detect_slow_changes(metric, nights_of(metric, crept(ratio**worse)[None]), tonight_of(tmp_path), Settings())
        )

    assert told(1.022) == ["inconclusive"]
    assert told(1.018) == []
    assert told(1 / 1.022) == ["improvement"]
    assert told(1 / 1.018) == []

    def largest_p(quiet: int) -> float:
        """Of all changes that are told beside so many series that did not move, in noise of 4 %."""
        still = [BASE * np.tile([1.0, 1.01], 50)] * quiet
        ratios = np.exp(np.linspace(0, 0.15, 201))
        found = [Detector().slow(np.stack((crept(ratio, 100, 0.04), *still))[:, :, None]) for ratio in ratios]
        return max(one.p_value for verdicts in found for one in verdicts if one.series == 0)

    (wide,) = Detector().slow(crept(1.3, 100, 0.04)[None, :, None])
    half = 2.056 * 0.04 * np.sqrt(np.pi / 2 * (1 / 14 + 1 / 14))  # Student's t of 26, and the error of two medians
    assert np.log(wide.hi / wide.lo) / 2 == pytest.approx(half, rel=0.12)
    assert 0.04 < largest_p(0) <= 0.05
    assert 0.02 < largest_p(1) <= 0.025


# --- 8. keep


def good_builds(lab: Lab) -> str:
    kept = BaselineStore(lab.folder / "kept" / "quick-x86-64-m1.json")
    return kept.path(kept.last_good(FP32)).read_text()


@pytest.mark.parametrize(
    ("nights", "good"),
    [
        ("bcd", "aab"),
        ("bBbbb", "aaaab"),
        ("bFbbb", "aaaab"),
        ("bNbbb", "aaaab"),
        ("bbi", "aab"),
        ("bbo", "aaa"),
        ("bbab", "aabb"),
    ],
)
def test_a_build_is_good_after_three_nights_without_a_finding(tmp_path, monkeypatch, nights, good) -> None:
    """A letter is a night and its build; o: not measured, i: a smaller file.

    B: b breaks a limit, N: there is no figure for it, F: b and the build before crash.
    """
    lab = Lab(tmp_path)
    lab.plug_in(monkeypatch)
    lab.runs_still = False
    broken, unknown = (
        NightlyRules((NightlyRule("fp32", limits=(text,)),)) for text in ("p50 <= 1 ms", "energy <= 1 J")
    )
    lab.night("a" * 200, broken)
    seen = good_builds(lab)[0]
    assert seen == "a", "the first one at once, whatever was found"
    for night in nights:
        letter = night if night in "abcdi" else "b"
        report = lab.night(
            letter * (150 if night == "i" else 200),
            {"B": broken, "N": unknown}.get(night, NO_RULES),
            status={FP32: "crashed"} if night == "F" else {},
            cases=CASES[1:] if night == "o" else CASES,
        )
        found = {"B": "regression", "N": "inconclusive", "F": "infrastructure", "i": "improvement"}.get(night)
        assert set(kinds(report.outcomes)) == ({found} if found else set())
        seen += good_builds(lab)[0]
    assert seen == "a" + good


def test_until_then_pairs_run_against_the_build_before(lab) -> None:
    """The first night of a slower build hides it; the two after it still compare with the build before."""
    lab.remeasurement.ratio = 1.06
    lab.night("new")
    for _ in range(2):
        found = of(lab.night("new", slow={FP32: 1.06}).outcomes, LATENCIES)
        assert found.kind == "regression"
        assert lab.remeasurement.calls[-1] == ("ab", FP32, LATENCIES, "old", "new")


@pytest.mark.parametrize("nights", [1, 3])
def test_identical_hashes_are_never_a_regression(lab, nights) -> None:
    lab.remeasurement.ratio = 1.2
    for _ in range(nights):
        report = lab.night(slow={FP32: 1.2})
    assert {(one.kind, one.case_id, one.metric) for one in report.outcomes} == {
        ("transient", FP32, metric) for metric in (LATENCIES, "latency_p90_ns", "throughput_per_s")
    }
    assert all("same hash: yes" in one.sentence for one in report.outcomes)
    assert lab.remeasurement.calls == []
    assert (report.headline, exit_code(report.outcomes)) == ("nothing to report", 0)
    assert FP32.split("|")[0] in (lab.written / "summary.md").read_text()
    assert good_builds(lab) == "old"
    lab.night("new", slow={FP32: 1.2})
    assert lab.remeasurement.calls, "another hash is"


def test_detector_is_callable_on_plain_arrays() -> None:
    history = [[[0.012, 0.013]] * 10, [[0.020, 0.021]] * 10]
    asked: list[int] = []
    found = Detector().night(history, [[0.012, 0.013], [0.024, 0.025]], ab=pairs_of(ranked([], 1e-4) + 0.2, asked))
    assert [(one.series, one.kind) for one in found] == [(1, "regression")]
    assert Detector().night(history, [[0.012, 0.013], [0.024, 0.025]], rerun=lambda s: [0.024, 0.025])[0].series == 1
    with pytest.raises(ValueError, match="history"):
        Detector().night([[0.012]], [[0.012]])


# --- the last good build


def test_kept_builds_are_whole_or_not_used(lab, tmp_path) -> None:
    lab.night("new")
    index = json.loads((lab.folder / "kept" / "quick-x86-64-m1.json").read_text())
    for state, content in (("good", "old"), ("latest", "new")):
        for case in (FP32, INT8):
            build = index[state][case]
            file = lab.folder / "kept" / "objects" / build["sha256"] / build["file"]
            assert file.read_text() == content, "every case's own, also where two have the same content"
            assert build["sha256"] == sha256_of(file)
            assert build["versions"] == VERSIONS
    kept = BaselineStore(lab.folder / "kept" / "quick-x86-64-m1.json")
    (new, _) = lab.plan("new").prepared
    assert kept.prepared(kept.last_good(FP32), new).artifact.path.read_text() == "old"
    file = kept.path(kept.last_good(FP32))
    file.write_text("edited")
    assert kept.path(kept.last_good(FP32)) is None
    lab.remeasurement.ratio = 1.06
    found = of(lab.night("new", slow={FP32: 1.06}).outcomes, LATENCIES)
    assert [how for how, *_ in lab.remeasurement.calls] == ["rerun"] * 2
    assert found.evidence["means"] == "rerun"


OLDER = {"onnxruntime": "1.30.0", "numpy": "2.2.0", "edgebench": "0.1.0"}


def pip(monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> list[list[str]]:
    """Let pip do nothing, or fail; the commands that ran."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> None:
        ran.append(command)
        if command[1:3] == ["-m", "venv"]:
            Path(command[3]).mkdir(parents=True)
        elif fails:
            raise subprocess.CalledProcessError(1, command, b"", b"ERROR: no such version")

    fake = SimpleNamespace(run=run, CalledProcessError=subprocess.CalledProcessError)
    monkeypatch.setattr(environments_module, "subprocess", fake)
    return ran


def test_old_versions_run_in_an_environment_made_once(tmp_path, monkeypatch) -> None:
    ran = pip(monkeypatch)
    now = replace(tonight_of(tmp_path), environments=Environments(tmp_path / "environments"))
    same = now.baseline(FP32)
    assert same.interpreter is None, "the same versions need no other Python"
    assert ran == []
    now.baselines._good[FP32] = replace(now.baselines.last_good(FP32), versions=OLDER)
    for _ in range(2):
        old = now.baseline(FP32)
        assert old.artifact.path.read_text() == "old"
        place = Path(old.interpreter.executable).parents[1]
        assert place.parent == tmp_path / "environments"
        assert (Path(old.interpreter.packages) / "harness").resolve() == Path(str(harness.__file__)).parent
    assert len(ran) == 2, "venv and pip, once"
    assert {"onnxruntime==1.30.0", "numpy==2.2.0"} <= set(ran[1])
    assert not [text for text in ran[1] if "edgebench" in text and "==" in text]
    assert ran[1][0] == str(place / "bin" / "python")
    other = Environments(tmp_path / "environments")
    other.interpreter(OLDER)
    assert len(ran) == 2, "kept for the nights to come"
    other.interpreter({**OLDER, "numpy": "2.3.0"})
    assert len(ran) == 4


@pytest.mark.parametrize(("ratio", "kind"), [(1.06, "regression"), (1.0, "transient")])
def test_an_upgrade_is_judged_like_a_new_model_file(tmp_path, ratio, kind) -> None:
    remeasurement: Any = fakes.FakeRemeasurement(ratio)
    now = tonight_of(tmp_path, "old", versions={"onnxruntime": "1.32.0"}, can=True)
    assert now.baseline(FP32).interpreter is not None
    (found,) = detect_changes(LATENCIES, two_series(0.06), now, remeasurement, Settings())
    assert (found.kind, remeasurement.calls) == (kind, [("ab", FP32, LATENCIES, "old", "old")])
    assert "changed since the last good build: onnxruntime 1.31.1 -> 1.32.0" in found.sentence


def test_without_the_old_environment_fresh_sessions_do(tmp_path, monkeypatch, caplog) -> None:
    ran = pip(monkeypatch, fails=True)
    now = tonight_of(tmp_path, "old", versions={"onnxruntime": "1.32.0"})
    now = replace(now, environments=Environments(tmp_path / "environments"))
    remeasurement: Any = fakes.FakeRemeasurement(float(BASE * np.exp(0.06)) / 0.002)
    (found,) = detect_changes(LATENCIES, two_series(0.06), now, remeasurement, Settings())
    assert (found.kind, [how for how, *_ in remeasurement.calls]) == ("regression", ["rerun", "rerun"])
    assert len(ran) == 2, "tried once a night"
    (warning,) = caplog.records
    assert "onnxruntime" in warning.getMessage()
    assert "no such version" in warning.getMessage()


def test_an_accepted_step_begins_anew(lab, monkeypatch, capsys) -> None:
    lab.remeasurement.ratio = 1.5
    for _ in range(2):
        assert of(lab.night("new", slow={FP32: 1.5, INT8: 1.5}).outcomes, LATENCIES).kind == "regression"
    monkeypatch.setattr("harness.store.database.maintenance.utc_now", lambda: f"2025-01-{HISTORY + 3:02d}T12:00:00Z")
    accept = ["nightly", "accept", "fp32", "--store", str(lab.store_path)]
    assert cli.main(accept) == 2
    assert good_builds(lab) == "old"
    assert cli.main([*accept, "--reason", "new calibration set"]) == 0
    assert cli.main(["nightly", "accept", "no-such-case", "--reason", "x", "--store", str(lab.store_path)]) == 2
    kept = BaselineStore(lab.folder / "kept" / "quick-x86-64-m1.json")
    assert [kept.path(kept.last_good(case)).read_text() for case in (FP32, INT8)] == ["new", "old"]
    with store.open(lab.store_path) as opened:
        assert set(opened.resets()["reason"]) == {"new calibration set"}
        for metric in (LATENCIES, "throughput_per_s"):
            nights = opened.series(metric, store.Filters(suite="quick"))
            since = {one.case_id: int(first) for one, first in zip(nights.series, nights.since, strict=True)}
            assert since == {FP32: len(nights.runs), INT8: 0}
        for _ in range(4):
            opened.append(lab.run({FP32: 1.5}))
    assert not lab.night({FP32: "new"}, slow={FP32: 3.0}).outcomes, "the fifth night of a history that is new"
    found = of(lab.night({FP32: "newer"}, slow={FP32: 3.0}).outcomes, LATENCIES)
    assert found.evidence["baseline_nights"] == 5
    assert found.evidence["before"] == pytest.approx(0.003, rel=0.01)


def test_a_reset_begins_all_histories_anew(lab, monkeypatch) -> None:
    lab.remeasurement.ratio = 1.5
    at = f"2025-01-{HISTORY + 1:02d}T12:00:00Z"
    reset = ["history", "reset", "--store", str(lab.store_path), "--at", at]
    assert cli.main(reset) == 2, "it needs a reason"
    assert cli.main([*reset[:-1], "2025-01-05", "--reason", "new driver"]) == 0
    assert cli.main([*reset, "--reason", "new fan"]) == 0
    with store.open(lab.store_path) as opened:
        for metric in (LATENCIES, "load_ns", "throughput_per_s"):
            nights = opened.series(metric)
            assert nights.since.tolist() == [HISTORY] * 2
    assert not lab.night("new", slow={FP32: 1.5}).outcomes


# --- what a suite may ask for


def test_later_tables_win_and_limits_add_up(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        """
title = "mine"
profile = "quick"
[[cases]]
models = ["mobilenet_v2-0.35-32"]
compression = ["fp32"]
runtimes = ["onnxruntime-cpu"]
[[nightly]]
min_effect = { p50 = 0.02, load = 0.3 }
limits = ["p50 <= 20 ms"]
[[nightly]]
match = "int8"
min_effect = { p50 = 0.01, memory = 0.05 }
limits = ["top1 >= 0.88", "memory <= 200 MiB"]
[[nightly]]
match = "no-such-case"
min_effect = { p50 = 0.5 }
limits = ["p50 <= 1 ms"]
"""
    )
    rules = NightlyRules(suites.load(str(file)).nightly)
    effects = {
        (case, name): rules.min_effect(case, name)
        for case in (FP32, INT8)
        for name in (LATENCIES, "peak_rss_bytes", "load_ns")
    }
    assert list(effects.values()) == [0.02, 0.02, 0.3, 0.01, 0.05, 0.3]
    assert [limit.text for limit in rules.limits(FP32)] == ["p50 <= 20 ms"]
    assert [limit.text for limit in rules.limits(INT8)] == ["p50 <= 20 ms", "top1 >= 0.88", "memory <= 200 MiB"]
    first = NightlyRules((NightlyRule("int8", {"p50": 0.2}), NightlyRule("", {"p50": 0.3})))
    assert first.min_effect(INT8, LATENCIES) == 0.3, "the last that matches, not the closest"


@pytest.mark.parametrize(
    ("effect", "ratio", "found"),
    [
        (0.02, 1.021, True),
        (0.02, 1.019, False),
        (0.02, 1 / 1.021, True),
        (0.02, 1 / 1.019, False),
        (0.002, 1.003, True),
    ],
)
def test_changes_below_the_smallest_one_are_not_told(tmp_path, effect, ratio, found) -> None:
    values = BASE * np.append(np.ones(20), ratio)
    nights = nights_of(LATENCIES, np.stack((values, values)))
    rules = NightlyRules((NightlyRule("fp32", {"p50": effect}), NightlyRule("int8", {"p50": 0.5})))
    remeasurement: Any = fakes.FakeRemeasurement(ratio)
    outcomes = detect_changes(LATENCIES, nights, tonight_of(tmp_path, rules=rules), remeasurement, Settings())
    assert [one.case_id for one in outcomes] == [FP32] * found


@pytest.mark.parametrize(
    ("metric", "effect", "worse"),
    [
        ("latency_p50_ns", 0.01, 1),
        ("latency_p90_ns", 0.05, 1),
        ("throughput_per_s", 0.02, -1),
        ("energy_gross_j", 0.03, 1),
        ("peak_rss_bytes", 0.02, 1),
        ("load_ns", 0.10, 1),
        ("artifact_bytes", 0.01, 1),
        ("top1", 0.002, -1),
    ],
)
def test_smallest_changes_are_those_of_the_table(tmp_path, metric, effect, worse) -> None:
    """Losses a little above and below, of metrics that are history for three nights."""
    short = metric.split("_")[1 if metric.startswith("latency") else 0] if metric != "peak_rss_bytes" else "memory"
    short = "size" if metric == "artifact_bytes" else short
    assert NightlyRules((NightlyRule(min_effect={short: 0.5}),)).min_effect(FP32, metric) == 0.5, "its short name"
    now = tonight_of(tmp_path, labelled=True)
    if metric == "artifact_bytes":
        told = [
            exact_metrics.sizes(tonight_of(tmp_path / str(n), "n" * n, "o" * 1000)) for n in _made(tmp_path, 1011, 1009)
        ]
    elif metric == "top1":
        scores: Any = [fakes.Scores(hits(lost=lost, images=10_000)) for lost in (20, 19)]
        told = [exact_metrics.accuracy(now, one, 0.05) for one in scores]
    else:
        ratios = [np.log1p(effect * part) * worse for part in (1.01, 0.98)]
        remeasurements: Any = [fakes.FakeRemeasurement(float(np.exp(change))) for change in ratios]
        told = [
            detect_changes(metric, _steady(metric, change), now, remeasurement, Settings())
            for change, remeasurement in zip(ratios, remeasurements, strict=True)
        ]
    assert [kinds(outcomes)[:1] for outcomes in told] == [["regression"], []]


def _made(folder: Path, *sizes: int) -> tuple[int, ...]:
    for size in sizes:
        (folder / str(size)).mkdir()
    return sizes


def _steady(metric: str, change: float) -> Any:
    """A history without noise, then three nights of a change in fp32."""
    logs = np.append(np.zeros(30), [change] * 3)
    return nights_of(metric, BASE * np.exp(np.stack((logs, 0 * logs))))


@pytest.mark.parametrize(
    ("limit", "value", "found"),
    [
        ("p50 <= 20 ms", Value(22e6, 20.1e6, 24e6), "regression"),
        ("p50 <= 20 ms", Value(20.5e6, 19.9e6, 21e6), "inconclusive"),
        ("p50 <= 20 ms", Value(19.5e6, 19.0e6, 20.1e6), "inconclusive"),
        ("p50 <= 20 ms", Value(19e6, 18e6, 20e6), None),
        ("p50 <= 20 ms", Value(20.1e6), "regression"),
        ("p50 <= 20 ms", Missing("no figure"), "inconclusive"),
        ("top1 >= 0.88", Value(0.86, 0.85, 0.879), "regression"),
        ("top1 >= 0.88", Value(0.87, 0.86, 0.881), "inconclusive"),
        ("top1 >= 0.88", Value(0.89, 0.88, 0.90), None),
    ],
)
def test_limits_are_broken_by_the_whole_interval(tmp_path, limit, value, found) -> None:
    run = write_run(tmp_path / "run", [Plan(CASES[0])], leave_out=1)
    metric = LATENCIES if limit.startswith("p50") else "top1"
    made = record(run, Plan(CASES[0]))
    made = replace(made, metrics={**made.metrics, metric: value})
    now = tonight_of(tmp_path, rules=NightlyRules((NightlyRule(limits=(limit,)),)))
    outcomes = exact_metrics.limits([made], now)
    assert kinds(outcomes) == ([found] if found else [])
    assert all(one.sentence.startswith(limit) and one.metric == metric for one in outcomes)
    assert exit_code(outcomes) == {"regression": 1, "inconclusive": 10, None: 0}[found]


# --- what is written


def test_verdicts_hold_every_finding_with_its_numbers(lab) -> None:
    lab.remeasurement.ratio = 1.06
    report = lab.night("new" * 100, slow={FP32: 1.06}, status={INT8: "throttled"})
    document = json.loads((lab.written / "verdicts.json").read_text())
    assert (document["exit_code"], document["run_id"]) == (1, f"night{HISTORY + 1}")
    assert len(document["outcomes"]) == len(report.outcomes) == 5
    assert kinds([Outcome(one["kind"], "", "", "") for one in document["outcomes"]])[:3] == ["regression"] * 3
    found = next(one for one in document["outcomes"] if one["metric"] == LATENCIES)
    own = of(report.outcomes, LATENCIES)
    for name in ("ratio", "lo", "hi", "p_value", "sentence", "command"):
        assert found[name] == getattr(own, name)
    assert found["lo"] < 1.06 < found["hi"]
    assert found["evidence"]["pairs"] == 20
    assert {one["series"] for one in document["outcomes"]} >= {"machine", f"{FP32} {LATENCIES}"}


@pytest.fixture
def mixed(tmp_path: Path) -> NightlyReport:
    """A finding of every kind; fp16 has two."""
    cases = [replace(CASES[0], compression=f"s{number}") for number in range(6)]
    run = write_run(tmp_path / "run", [Plan(case) for case in cases])
    names = [case.id for case in cases]
    outcomes = [
        Outcome("regression", names[0], LATENCIES, "+5.0 %", command="edgebench run"),
        Outcome("inconclusive", names[0], "load_ns", "+30.0 %", command="edgebench run"),
        Outcome("infrastructure", names[1], "", "crashed: signal 11", command="edgebench run"),
        Outcome("inconclusive", names[2], LATENCIES, "+2.0 %", command="edgebench run"),
        Outcome("improvement", names[3], LATENCIES, "-5.0 %", command="edgebench run"),
        Outcome("transient", names[4], LATENCIES, "-0.1 %", command="edgebench run"),
        Outcome("environment", "", LATENCIES, "+4.0 %", command="edgebench selfcheck"),
    ]
    return NightlyReport(run.header(), outcomes, run.records())


def test_junit_has_the_gravest_result_of_every_case(mixed) -> None:
    suite = Xml.fromstring(junit(mixed))
    tests = suite.findall("testcase")
    results = [[one.tag for one in test if one.tag not in ("properties", "system-out")] for test in tests]
    assert results == [["failure"], ["error"], ["skipped"], [], [], [], ["skipped"]]
    assert [test.get("name") for test in tests] == [*(one.case_id for one in mixed.records), "machine"]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7", "failures": "1", "errors": "1", "skipped": "2",
    }  # fmt: skip
    assert "+30.0 %" in tests[0].find("system-out").text
    assert "edgebench run" in tests[0].find("failure").text
    for test, one in zip(tests, mixed.records, strict=False):
        told = {prop.get("name"): float(prop.get("value")) for prop in test.iter("property")}
        assert told == {name: found.value for name, found in one.metrics.items() if isinstance(found, Value)}


def test_summary_has_the_headline_and_every_finding(mixed, lab) -> None:
    lab.night()
    assert "**nothing to report**" in (lab.written / "summary.md").read_text()
    text = markdown(mixed)
    assert "**1 regression, 1 infrastructure, 1 environment change, 2 inconclusive, 1 improvement**" in text
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    order = ["regression", "infrastructure", "environment", "inconclusive", "inconclusive", "improvement", "transient"]
    assert [line.split("**")[1] for line in lines] == order
    for outcome in mixed.outcomes:
        assert outcome.sentence in text
    assert text.count("`edgebench run`") == 6


def test_feed_has_the_last_60_nights(lab) -> None:
    folder = lab.folder / "nightly" / "quick-x86-64-m1"
    (old,) = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    for day in range(62):
        night = {**old, "run_id": f"old{day}", "started_utc": f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}T00:00:00Z"}
        del night["sequence"]  # as versions wrote it that did not know it
        (folder / f"old{day}.json").write_text(json.dumps(night))
    lab.night()
    entries = [one for one in Xml.parse(lab.written / "feed.atom").getroot() if one.tag.endswith("entry")]
    names = [one.find("{http://www.w3.org/2005/Atom}id").text.split(":")[-1] for one in entries]
    assert names == [f"night{HISTORY + 1}", f"night{HISTORY - 1}", *(f"old{day}" for day in range(61, 3, -1))]


def test_findings_carry_numbers_and_a_command(lab, tmp_path) -> None:
    lab.remeasurement.ratio, lab.hits = 1.06, hits(lost=50)
    rules = NightlyRules((NightlyRule("fp32", limits=("p99 <= 1 ms",)),))
    lab.hits["n" * 27] = lab.hits["new"]
    report = lab.night(
        {FP32: "new", INT8: "n" * 27}, rules, slow={FP32: 1.06}, status={INT8: "throttled"}, labelled=True
    )
    assert len({one.kind for one in report.outcomes}) == 3
    for one in report.outcomes:
        assert any(char.isdigit() for char in one.sentence)
        assert shlex.split(one.command)[0] == "edgebench"
        cli.parser().parse_args(shlex.split(one.command)[1:])
    found = of(report.outcomes, LATENCIES)
    assert found.sentence.startswith("+6.0 % [+")
    for told in (
        "; 1.99 -> 2.11 ms; last 12 nights +-",
        "A/B 20/20 pairs worse",
        "changed since the last good build: artifact",
    ):
        assert told in found.sentence
    assert found.sentence.endswith(f"no other series moved; first bad c{HISTORY + 1}")
    words = shlex.split(found.command)
    assert words[:2] == ["edgebench", "ab"]
    assert [Path(file).read_text() for file in words[2:4]] == ["old", "new"]
    for recent, nights in (((0.04, 0.06), 2), ((0.025, 0.06), 1), ((0.06, 0.04, 0.06, 0.05), 4)):
        (lasting,) = found_in(*recent)
        assert lasting.evidence.recent_nights == nights
        assert lasting.evidence.tonight == pytest.approx(BASE * np.exp(np.median(recent[-nights:])), rel=1e-3)
        assert (f"for {nights} nights" in lasting.sentence()) == (nights > 1)
    (throttled,) = [one for one in report.outcomes if not one.case_id]
    assert throttled.command == "edgebench doctor"


def test_explain_tells_findings_of_earlier_nights(lab, capsys) -> None:
    lab.remeasurement.ratio = 1.06
    lab.night("new", slow={FP32: 1.06})
    lab.remeasurement.ratio = 1.5
    lab.night("new", slow={FP32: 1.5, INT8: 1.5})
    explain = ["nightly", "show", "--store", str(lab.store_path)]
    assert cli.main([*explain, f"{FP32} {LATENCIES}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if "regression: " in line]
    assert [line[:10] for line in told] == ["2025-01-21", "2025-01-20"], "the newest first"
    assert "+50.0 %" in told[0]
    assert "+6.0 %" in told[1]
    assert INT8 not in "".join(lines)
    assert [line.split()[1] for line in lines if line.split()[0] == "pairs"] == ["20", "20"]
    assert sum("edgebench ab " in line for line in lines) == 2
    assert cli.main([*explain, "no-such-series"]) == 2
