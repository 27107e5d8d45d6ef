"""A night's judgement over a real store of made-up nights; what would be measured again is made up too."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from harness import store
from harness.core.artifact import Artifact, ScoredOutput, missing_files_of, sha256_of, size_of
from harness.core.case import Case
from harness.measure.prepared import PreparedCase
from harness.nightly import exact_metrics, machine
from harness.nightly import night as night_module
from harness.nightly.baselines import BaselineStore, Build, accept
from harness.nightly.night import Night
from harness.nightly.series import NightContext, detect_changes
from harness.runtimes.base import Options
from harness.stats.nightly import Settings
from suites.nightly_rules import NightlyRule, NightlyRules
from tests.factory import MILLISECOND, Plan, write_run
from tests.fakes.plans import plan_of
from tests.onnx_bytes import onnx_with_weights

CASES = [Case("net", setting, "onnxruntime-cpu") for setting in ("fp32", "int8-static", "fp16")]
NAMES = [case.id for case in CASES]
NIGHTS = 20
VERSIONS = {"onnxruntime": "1.31.1"}


class NoEnvironments:
    """Nothing can be made again."""

    def interpreter(self, versions):
        return None


class FakeRemeasurement:
    """Second measurements that show `ratio` between the builds; `calls` lists the cases that were measured."""

    def __init__(self, ratio):
        self.ratio = ratio
        self.calls = []

    def ab(self, old, new, metric, pairs):
        self.calls.append(("ab", new.case.id))
        noise = np.random.default_rng(1).normal(1.0, 0.002, (2, pairs))
        return noise[0] * 0.002, noise[1] * 0.002 * self.ratio

    def rerun(self, new, metric):
        self.calls.append(("rerun", new.case.id))
        return np.full(3, 0.002 * self.ratio)


def run_of(folder, night, rng, cases=CASES):
    """A night's run; on the last one fp32 takes 6 % longer. Its commit is the night's number."""
    slow = {NAMES[0]: 1.06} if night == NIGHTS - 1 else {}
    plans = [Plan(case, int(2 * MILLISECOND * slow.get(case.id, 1.0) * rng.normal(1.0, 0.003))) for case in cases]
    about = {"run_id": f"night{night}", "started_utc": f"2026-01-{night + 1:02d}T02:30:00+00:00"}
    return write_run(folder / f"run{night}", plans, provenance={"repository": {"commit": f"c{night}"}}, **about)


@pytest.fixture(scope="module")
def nights(new_store, tmp_path_factory):
    """Twenty nights of three cases in a store."""
    folder, rng = tmp_path_factory.mktemp("nights"), np.random.default_rng(0)
    with store.open(new_store(folder)) as opened:
        for night in range(NIGHTS):
            opened.append(run_of(folder, night, rng))
        return opened.series("latency_p50_ns", store.Filters(suite="quick"))


def prepared(folder, case, content):
    path = folder / f"{case.slug}-{content}.onnx"
    path.write_text(content)
    artifact = Artifact(path, "onnx", sha256_of(path), path.stat().st_size)
    return PreparedCase(case, artifact, "none:NONE", Options(), None)


NO_RULES = NightlyRules()


def test_a_build_is_kept_with_all_files_of_its_model_under_each_of_its_names(tmp_path):
    kept = BaselineStore(tmp_path / "kept" / "quick-x86-64.json")
    for name in ("one", "two"):
        path = onnx_with_weights(tmp_path / name / f"{name}.onnx", "part/weights.bin", b"0123456789abcdef")
        scored = ScoredOutput("y", 4)
        artifact = Artifact(path, "onnx", sha256_of(path), size_of(path), output=scored, batch=4)
        case = PreparedCase(CASES[0], artifact, "none:NONE", Options(), None)
        build = Build.of(case, "night0", VERSIONS, "a1b2c3")
        kept.add_latest(name, build, artifact)
        again = kept.prepared(build, case)
        assert again.artifact.path.is_relative_to(tmp_path / "kept")
        assert missing_files_of(again.artifact.path) == []
        assert (again.artifact.sha256, again.artifact.batch, again.artifact.output) == (artifact.sha256, 4, scored)


def tonight(folder, changed=True, versions=VERSIONS, rules=NO_RULES):
    kept = BaselineStore(folder / "kept" / "quick-x86-64.json")
    old = {case.id: prepared(folder, case, "old") for case in CASES}
    for name, one in old.items():
        kept.add_latest(name, Build.of(one, "night0", VERSIONS, "a1b2c3"), one.artifact)
        kept.approve(name)
    new = {case.id: prepared(folder, case, "new") for case in CASES} if changed else old
    builds = {name: Build.of(one, "tonight", versions, "d4e5f6") for name, one in new.items()}
    return NightContext(new, builds, kept, NoEnvironments(), rules)


def test_new_build_that_is_slower_in_pairs_is_a_regression(nights, tmp_path):
    remeasurement = FakeRemeasurement(1.06)
    (found,) = detect_changes("latency_p50_ns", nights, tonight(tmp_path), remeasurement, Settings())
    assert (found.kind, found.case_id) == ("regression", NAMES[0])
    assert found.lo < 1.06 < found.hi
    assert remeasurement.calls == [("ab", NAMES[0])]
    for told in ("ms", "20/20 pairs worse", "changed since the last good build: artifact", "no other series moved"):
        assert told in found.sentence
    assert found.command.startswith("edgebench ab ")
    assert "objects/" in found.command
    assert found.sentence.endswith(f"first bad c{NIGHTS - 1}")


def test_first_bad_night_is_one_in_which_the_case_was_measured(tmp_path):
    """Two nights of 6 % more, with one between them that passed the case by."""
    rng = np.random.default_rng(1)
    with store.open(tmp_path / "store.sqlite") as opened:
        for night in range(NIGHTS - 1):
            opened.append(run_of(tmp_path, night, rng))
        for night, cases, commit in ((20, CASES, "bad"), (21, CASES[1:], "other"), (22, CASES, "bad too")):
            plans = [Plan(case, int((2.12 if case is CASES[0] else 2) * MILLISECOND)) for case in cases]
            about = {"run_id": commit, "provenance": {"repository": {"commit": commit}}}
            when = f"2026-01-{night}T02:30:00Z"
            opened.append(write_run(tmp_path / commit, plans, started_utc=when, **about))
        nights = opened.series("latency_p50_ns")
    (found,) = detect_changes("latency_p50_ns", nights, tonight(tmp_path), FakeRemeasurement(1.06), Settings())
    assert found.evidence["recent_nights"] == 2
    assert found.sentence.endswith("first bad bad")


def test_night_is_kept_and_judged_in_either_database(new_store, tmp_path, monkeypatch):
    """The whole of a night but its measuring: history, verdict, documents, and what is kept for the next one."""
    monkeypatch.setattr(night_module, "Remeasurement", lambda *_: FakeRemeasurement(1.06))
    rng, exits = np.random.default_rng(2), []
    place = new_store(tmp_path)
    for night in (*range(NIGHTS - 12, NIGHTS), NIGHTS):
        content = "new" if night == NIGHTS - 1 else "old"
        plan = plan_of(prepared(tmp_path, case, content) for case in CASES)
        with store.open(place) as opened:
            judged = Night(opened, run_of(tmp_path, night, rng), plan, NO_RULES)
            report = judged.evaluate()
            judged.write(report)
        exits.append(report.document()["exit_code"])
    assert exits == [0] * 11 + [1, 0]
    told = json.loads((tmp_path / f"run{NIGHTS - 1}" / "verdicts.json").read_text())
    kinds = {one["series"].removeprefix(f"{NAMES[0]} "): one["kind"] for one in told["outcomes"]}
    assert kinds == {"latency_p50_ns": "regression", "throughput_per_s": "transient"}, (
        "the latter is not measured again"
    )
    assert (tmp_path / f"run{NIGHTS}" / "feed.atom").read_text().count("<entry>") == 13


def test_a_build_is_good_after_three_nights_without_a_finding(tmp_path):
    kept, name = BaselineStore(tmp_path / "kept" / "quick.json"), NAMES[0]
    goods = []
    for content, found in [("a", 0), ("b", 0), ("b", 0), ("b", 0), ("c", 0), ("c", 1), ("c", 0), ("c", 0), ("c", 0)]:
        one = prepared(tmp_path, CASES[0], content)
        kept.add_latest(name, Build.of(one, "night", VERSIONS, ""), one.artifact)
        (kept.restart_trial if found else kept.approve)(name)
        kept.save()
        kept = BaselineStore(tmp_path / "kept" / "quick.json")
        goods.append(kept.last_good(name).file[-6])
    assert "".join(goods) == "aaabbbbbc"


def test_what_pairs_do_not_show_again_is_transient(nights, tmp_path):
    (found,) = detect_changes("latency_p50_ns", nights, tonight(tmp_path), FakeRemeasurement(1.0), Settings())
    assert found.kind == "transient"
    assert found.ratio == pytest.approx(1.0, abs=0.01)


def test_same_build_is_never_a_regression(nights, tmp_path):
    remeasurement = FakeRemeasurement(1.06)
    (found,) = detect_changes("latency_p50_ns", nights, tonight(tmp_path, changed=False), remeasurement, Settings())
    assert found.kind == "transient"
    assert "same hash: yes" in found.sentence
    assert not remeasurement.calls


def test_new_runtime_version_without_the_old_one_falls_back_to_sessions(nights, tmp_path):
    remeasurement = FakeRemeasurement(1.06)
    upgraded = tonight(tmp_path, changed=False, versions={"onnxruntime": "1.32.0"})
    (found,) = detect_changes("latency_p50_ns", nights, upgraded, remeasurement, Settings())
    assert found.kind == "regression"
    assert {how for how, _ in remeasurement.calls} == {"rerun"}
    assert "onnxruntime 1.31.1 -> 1.32.0" in found.sentence


def test_change_below_the_least_effect_of_the_case_is_left_alone(nights, tmp_path):
    rules = NightlyRules((NightlyRule("fp32", {"p50": 0.10}),))
    assert not detect_changes(
        "latency_p50_ns", nights, tonight(tmp_path, rules=rules), FakeRemeasurement(1.06), Settings()
    )


def test_what_cannot_be_measured_again_waits_for_more_nights_and_so_does_its_build(tmp_path):
    """Throughput of a slower build: on file at first, a regression once it has held, and never the last good build."""
    rng, remeasurement, kinds = np.random.default_rng(3), FakeRemeasurement(1.0), []
    with store.open(tmp_path / "store.sqlite") as opened:
        for night in range(NIGHTS - 1):
            opened.append(run_of(tmp_path, night, rng))
        for more in range(3):
            about = {"run_id": f"more{more}", "started_utc": f"2026-02-{more + 1:02d}T02:30:00Z"}
            plans = [Plan(case, int(2 * MILLISECOND * (1.10 if case is CASES[0] else 1.0))) for case in CASES]
            opened.append(write_run(tmp_path / f"more{more}", plans, **about))
            nights = opened.series("throughput_per_s")
            (found,) = detect_changes("throughput_per_s", nights, tonight(tmp_path), remeasurement, Settings())
            kinds.append(found.kind)
            assert found.casts_doubt
    assert (kinds[0], kinds[-1]) == ("transient", "regression")
    assert remeasurement.calls == []


def test_missing_series_say_nothing(nights, tmp_path):
    nothing = replace(tonight(tmp_path), prepared={})
    assert detect_changes("latency_p50_ns", nights, nothing, FakeRemeasurement(2.0), Settings()) == []


def test_kept_builds_survive_and_damage_is_seen(tmp_path):
    now = tonight(tmp_path)
    now.baselines.save()
    again = BaselineStore(tmp_path / "kept" / "quick-x86-64.json")
    build = again.last_good(NAMES[0])
    path = again.path(build)
    assert path.read_text() == "old"
    assert again.prepared(build, now.prepared[NAMES[0]]).artifact.sha256 == build.sha256
    path.write_text("edited")
    assert again.path(build) is None


def test_accepting_makes_the_latest_build_the_good_one(tmp_path):
    now = tonight(tmp_path)
    name = NAMES[1]
    now.baselines.add_latest(name, now.builds[name], now.prepared[name].artifact)
    now.baselines.save()
    assert now.changes(name) == ["artifact"]
    assert accept(tmp_path / "kept", "int8") == [name]
    assert replace(now, baselines=BaselineStore(tmp_path / "kept" / "quick-x86-64.json")).changes(name) == []


def test_limits_speak_with_the_interval(tmp_path):
    run = write_run(tmp_path / "run", [Plan(case, 2 * MILLISECOND) for case in CASES])
    rules = NightlyRules(
        (NightlyRule(limits=("p50 <= 5 ms",)), NightlyRule("fp16", limits=("p50 <= 1 ms", "energy <= 1 J")))
    )
    found = exact_metrics.limits(run.records(), tonight(tmp_path, rules=rules))
    assert [(one.kind, one.metric) for one in found] == [
        ("regression", "latency_p50_ns"),
        ("inconclusive", "energy_gross_j"),
    ]
    assert found[0].sentence.startswith("p50 <= 1 ms: found 2.0")
    assert " ms" in found[0].sentence.partition("found")[2], "in a unit for people"
    assert all(one.command.startswith("edgebench ") for one in found)
    assert "no figure: no power sensor" in found[1].sentence


def test_larger_file_is_a_regression_in_size(tmp_path):
    now = tonight(tmp_path)
    name = NAMES[0]
    grown = replace(now.prepared[name].artifact, size_bytes=4)
    found = exact_metrics.sizes(replace(now, prepared={name: replace(now.prepared[name], artifact=grown)}))
    assert [(one.kind, one.ratio) for one in found] == [("regression", 4 / 3)]


def test_case_that_fails_while_nothing_else_is_kept_is_the_device(tmp_path):
    statuses = ("crashed", "throttled", "precise")
    run = write_run(tmp_path / "run", [Plan(*one) for one in zip(CASES, [2 * MILLISECOND] * 3, statuses, strict=True)])
    now = tonight(tmp_path, changed=False)
    assert [one.kind for one in exact_metrics.failures(run.records(), now)] == ["infrastructure"]
    (found,) = machine.device(run.records())
    assert found.sentence.startswith("1 case throttled")
