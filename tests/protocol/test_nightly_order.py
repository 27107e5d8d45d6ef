"""What docs/nightly.md promises of the order of nights, of units in one store, and of nights that judge nothing.

Whole nights on a real store of made-up runs (`tests.fakes.nights`). Nothing is measured, and no clock is read but the
one that a made-up run carries.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from harness import store
from harness.core.verdict import Finding
from harness.nightly import night as night_module
from harness.nightly.baselines import BaselineStore, Build
from harness.nightly.night import Night
from harness.nightly.outcome import Outcome, exit_code
from harness.nightly.report import NightlyReport
from harness.nightly.unit_files import UnitFiles, all_documents
from tests.fakes.nights import CASES, FP32, INT8, NO_RULES, VERSIONS, Lab, prepared

LATENCIES = "latency_p50_ns"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab without a night."""
    made = Lab(tmp_path)
    made.plug_in(monkeypatch)
    return made


def past(lab: Lab, nights: int, **run: object) -> None:
    """Nights that are in the store, and that nobody judged."""
    with store.open(lab.store_path) as opened:
        for _ in range(nights):
            opened.append(lab.run(**run))  # type: ignore[arg-type]


def kinds(report: NightlyReport) -> list[str]:
    return [f"{one.kind} {one.metric}".strip() for one in report.outcomes if one.kind != "transient"]


def good(lab: Lab, unit: str = "m1") -> str:
    """The content of the last good build."""
    kept = BaselineStore(lab.folder / "kept" / f"quick-x86-64-{unit}.json")
    return kept.path(kept.last_good(FP32)).read_text()


# --- what a night says


def test_first_nights_say_that_they_are_not_judged_yet(lab) -> None:
    headlines = [lab.night().headline for _ in range(6)]
    assert headlines == [*(f"night {number} of 5: not judged yet" for number in range(1, 6)), "nothing to report"]
    assert "**nothing to report**" in (lab.written / "summary.md").read_text()
    titles = [one.text for one in Xml.parse(lab.written / "feed.atom").getroot().iter() if one.tag.endswith("title")]
    assert titles[-1].endswith(": night 1 of 5: not judged yet")
    with store.open(lab.store_path) as opened:
        opened.reset("new fan")
    report = lab.night(status={INT8: "crashed"})
    assert report.headline == "1 infrastructure; night 1 of 5: not judged yet"
    assert report.document()["not_judged"] == {FP32: 1}
    assert exit_code(report.outcomes) == 12, "what needs no history is told nevertheless"


def test_new_cases_are_told_as_not_judged_yet(lab) -> None:
    past(lab, 6, cases=CASES[:1])
    assert lab.night().headline == "nothing to report; 1 of 2 cases not judged yet"
    assert lab.night(cases=CASES[:1]).headline == "nothing to report"
    lab.remeasurement.ratio = 1.5
    told = lab.night("new", slow={FP32: 1.5, INT8: 3.0})
    assert told.headline == "1 regression; 1 of 2 cases not judged yet"
    assert told.document()["not_judged"] == {INT8: 2}


@pytest.mark.parametrize("status", ["contended", "no-steady-state", "drifted", "throttled", "emulated", "wrong-output"])
def test_a_night_without_a_trusted_figure_is_never_green(lab, status) -> None:
    past(lab, 6)
    report = lab.night(cases=CASES[:1], status={FP32: status})
    (found,) = report.outcomes
    assert (found.kind, found.series) == ("infrastructure", "machine")
    assert found.sentence.startswith(f"no figures tonight: 1 of 1 {status}")
    assert exit_code(report.outcomes) == 12
    assert "no figures tonight" in (lab.written / "summary.md").read_text()
    assert "no figures tonight" in (lab.written / "junit.xml").read_text()

    several = lab.night(status={FP32: status, INT8: "timeout"})
    told = f"no figures tonight: 1 of 2 {status}, 1 of 2 timeout"
    assert any(one.sentence.startswith(told) for one in several.outcomes)
    some = lab.night(status={FP32: status})
    assert not any("no figures" in one.sentence for one in some.outcomes), "one figure is one"


@pytest.mark.parametrize(
    ("clocks", "told"),
    [
        (("2025-03-01T02:30+00:00", "2025-03-02T02:30+00:00"), False),
        (("2025-03-01T02:30+00:00", "2025-02-15T02:30+00:00"), True),
        (("2025-03-01T02:30+00:00", "1970-01-01T00:01+00:00"), True),
        (("2030-01-01T00:00+00:00", "2025-03-02T02:30+00:00"), True),
        (("2025-03-01T02:30+00:00", "2025-03-01T02:00+00:00"), False),  # it ended an hour later: they overlapped
    ],
)
def test_a_clock_behind_the_newest_run_is_told(lab, clocks, told) -> None:
    past(lab, 6)
    past(lab, 1, clock=clocks[0], suite="another suite")
    newest = f"night{lab.day}"
    past(lab, 1, clock="2035-01-01T00:00+00:00", machine="another board")
    report = lab.night(clock=clocks[1])
    assert kinds(report) == ["infrastructure"] * told
    assert exit_code(report.outcomes) == (12 if told else 0)
    if told:
        (found,) = report.outcomes
        ended = f"{clocks[1][:10]} {int(clocks[1][11:13]) + 1:02d}{clocks[1][13:16]}"
        assert f"the clock says {ended} UTC" in found.sentence
        assert f"{newest}, started {clocks[0][:16].replace('T', ' ')} UTC" in found.sentence
    assert kinds(lab.night(clock="2030-01-02T00:00+00:00")) == []


# --- the order


@pytest.mark.parametrize("clock", ["1970-01-01T00:01+00:00", "2024-12-20T02:30+00:00", "2040-01-01T00:00+00:00"])
def test_nights_are_in_the_order_of_the_store_whatever_clocks_say(lab, clock) -> None:
    """A net that is 32 % slower is found tonight, and in the nights after, and is never the last good build."""
    for _ in range(6):
        lab.night()
    lab.remeasurement.ratio = 1.32
    report = lab.night("slow", slow={FP32: 1.32}, clock=clock)
    assert f"regression {LATENCIES}" in kinds(report)
    assert exit_code(report.outcomes) == 1
    for _ in range(3):
        report = lab.night("slow", slow={FP32: 1.32})
        assert f"regression {LATENCIES}" in kinds(report)
    assert good(lab) == "old"
    names = [night["run_id"] for night in all_documents(lab.folder)]
    assert names == [f"night{lab.day - number}" for number in range(len(names))]
    entries = [one for one in Xml.parse(lab.written / "feed.atom").getroot() if one.tag.endswith("entry")]
    ids = [one.find("{http://www.w3.org/2005/Atom}id").text.rpartition(":")[2] for one in entries]
    assert ids == names


def test_the_run_that_was_measured_is_judged(lab) -> None:
    past(lab, 6)
    lab.remeasurement.ratio = 1.5
    folder, other = lab.run({FP32: 1.5}), lab.run()
    with store.open(lab.store_path) as opened:
        opened.append(folder)
        opened.append(other)
        report = Night(opened, folder, lab.plan("new"), NO_RULES).evaluate()
    assert f"regression {LATENCIES}" in kinds(report), "not the run that came after it"


def test_a_week_is_seven_nights_where_the_clock_is_not_to_be_trusted(lab) -> None:
    def passes(*clocks: str, status: str = "ok") -> list[bool]:
        findings = (Finding("clock", status, ""),)  # type: ignore[arg-type]
        return [lab.night(clock=clock, findings=findings).slow_pass for clock in clocks]

    same = ["1970-01-01T00:01:30+00:00"] * 7
    assert passes(same[0]) == [True], "the first night has nothing to wait for"
    for status in ("warn", "unknown"):
        assert passes(*same, status=status) == [False] * 6 + [True]
    assert passes("1970-01-08T00:00:00+00:00") == [True], "a week by a clock that is right"
    assert passes(*["1970-01-07T00:00:00+00:00"] * 7) == [False] * 6 + [True], "it went back"
    assert passes(*[f"1970-01-07T{hour:02d}:00:00+00:00" for hour in range(1, 10)]) == [False] * 9, "nine in a day"


def test_untrusted_nights_approve_no_build(lab) -> None:
    lab.night("a")
    for status in ("contended", "contended", "contended", "precise", "precise"):
        lab.night("b", status={FP32: status})
    assert good(lab) == "a"
    lab.night("b")
    assert good(lab) == "b"


# --- units


def test_units_of_one_kind_know_nothing_of_each_other(lab, monkeypatch) -> None:
    """Board B has another level, another build and another week than board A, and copies A's card."""
    a, b = ({"machine": "card", "unit": unit} for unit in ("ua", "ub"))
    asked = []

    def look(metric: str, nights: object, *_: object) -> list[Outcome]:
        asked.append([run.run_id for run in nights.runs])  # type: ignore[attr-defined]
        return []

    monkeypatch.setattr(night_module, "detect_slow_changes", look)
    for _ in range(6):
        lab.night("of a", **a)
    own = {f"night{lab.day + number}" for number in (2, 4, 6, 8, 10, 12)}
    headlines, weekly = [], []
    for _ in range(6):
        lab.night("of a", **a)
        asked.clear()
        report = lab.night("of b", slow=dict.fromkeys((FP32, INT8), 1.4), **b)
        headlines.append(report.headline)
        weekly.append(bool(asked))
        assert {run for runs in asked for run in runs} <= own
    assert headlines == [*(f"night {number} of 5: not judged yet" for number in range(1, 6)), "nothing to report"]
    assert weekly == [True, False, False, False, True, False], "its own first night, and its own week: two days a night"
    assert (good(lab, "ua"), good(lab, "ub")) == ("of a", "of b")
    feed = Xml.parse(lab.written / "feed.atom").getroot()
    ids = [one.text for one in feed.iter() if one.tag.endswith("}id")]
    assert ids[0] == "urn:edgebench:nightly:quick:x86-64:ub"
    assert {one.rpartition(":")[2] for one in ids[1:]} == own

    lab.remeasurement.ratio = 1.3
    report = lab.night("slow", slow={FP32: 1.3}, **a)
    assert f"regression {LATENCIES}" in kinds(report), "faster than B, and slower than itself"


def test_overlapping_nights_of_two_units_keep_both(lab) -> None:
    """Every night of one unit ends while one of the other runs."""
    with ThreadPoolExecutor(2) as together:
        for _ in range(3):
            runs = {unit: lab.run(machine="card", unit=unit, suite="quick") for unit in ("ua", "ub")}
            plans = {unit: lab.plan(f"of {unit}") for unit in runs}
            shared = lab.plan("of both", cases=CASES[1:])

            def evening(unit: str, runs: dict = runs, plans: dict = plans, shared: object = shared) -> NightlyReport:
                plan = replace(plans[unit], prepared=(*plans[unit].prepared[:1], *shared.prepared))  # type: ignore[attr-defined]
                with store.open(lab.store_path) as opened:
                    night = Night(opened, runs[unit], plan, NO_RULES)
                    report = night.evaluate()
                    night.write(report)
                return report

            reports = list(together.map(evening, runs))
            assert [report.header.unit for report in reports] == ["ua", "ub"]
    assert (good(lab, "ua"), good(lab, "ub")) == ("of ua", "of ub")
    for unit in ("ua", "ub"):
        kept = BaselineStore(lab.folder / "kept" / f"quick-x86-64-{unit}.json")
        assert kept.path(kept.last_good(INT8)).read_text() == "of both"
        assert len(list((lab.folder / "nightly" / f"quick-x86-64-{unit}").iterdir())) == 3
    assert not list((lab.folder / "kept" / "objects").glob(".*")), "no half of a file is left"
    with store.open(lab.store_path) as opened:
        assert len(opened.runs()) == 6
        assert opened.check() == []


def test_a_unit_goes_on_with_the_nights_of_its_system(lab) -> None:
    """Six nights of two systems as a version without units kept them: one list of builds, one folder of verdicts."""
    past(lab, 6, machine="card")
    past(lab, 1, machine="other")
    shared = lab.folder / "nightly" / "quick-x86-64"
    shared.mkdir(parents=True)
    kept = BaselineStore(lab.folder / "kept" / "quick-x86-64.json")
    for name, run_id, content in ((FP32, f"night{lab.day - 1}", "mine"), (INT8, f"night{lab.day}", "theirs")):
        one = prepared(lab.folder, next(case for case in CASES if case.id == name), content)
        kept.add_latest(name, Build.of(one, run_id, VERSIONS, ""), one.artifact)
        kept.approve(name)
    kept.save()
    old = {"suite": "quick", "target": "x86-64", "headline": "", "outcomes": [], "slow_pass": True}
    for number in (0, 1):
        night = {**old, "run_id": f"night{lab.day - number}", "started_utc": f"2025-01-{25 - number}T00:00:00+00:00"}
        (shared / f"{night['run_id']}.json").write_text(json.dumps(night))
    before = {path: path.read_bytes() for path in (lab.folder / "kept").glob("*.json")}

    report = lab.night("mine", machine="card", unit="u1")
    assert (report.headline, report.slow_pass) == ("nothing to report", False)
    assert good(lab, "u1") == "mine"
    with store.open(lab.store_path) as opened:
        files = UnitFiles.of(lab.folder, report.header)
        builds = BaselineStore(files.builds)
        assert builds.last_good(INT8).run_id == report.header.run_id, "the other's build is none of this unit's"
        assert {path.stem for path in files.verdicts.iterdir()} == {f"night{lab.day - 2}", f"night{lab.day}"}
        assert len(opened.runs(store.Filters(machine="u1"))) == 7
    copy = lab.night("mine", machine="card", unit="u2")
    assert copy.headline == "night 1 of 5: not judged yet", "a second board with a copy of the card begins anew"
    assert {path: path.read_bytes() for path in before} == before, "what other units may still take over stays"
