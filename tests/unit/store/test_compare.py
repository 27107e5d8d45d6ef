from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.quantity import Missing, Value
from harness.core.record import Record, RunHeader
from harness.core.verdict import Finding
from harness.store.comparison import compare_records, compare_runs, differences
from harness.store.runfolder import RunFolder
from tests import factory


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return factory.write_run(tmp_path / "one", factory.nets(joules=True)[:1]).records()[0]


def with_medians(record: Record, *medians: int) -> Record:
    first = record.processes[0]
    return dataclasses.replace(
        record, processes=tuple(dataclasses.replace(first, index=i, median_ns=ns) for i, ns in enumerate(medians))
    )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((1000, 1002, 998), (1100, 1103, 1098), "slower"),
        ((1000, 1002, 998), (900, 902, 899), "faster"),
        ((10000, 10010, 9990), (10005, 10012, 9995), "same"),
        ((10000, 10001, 9999), (10080, 10081, 10079), "same"),  # sure, but below 1 %
        ((1000, 1100, 900), (1050, 1150, 950), "undecided"),
        ((1000,), (2000,), "undecided"),
        ((1000, 1001), (), "undecided"),
    ],
)
def test_a_change_is_called_by_its_interval(record: Record, before, after, change: str) -> None:
    assert compare_records(with_medians(record, *before), with_medians(record, *after)).change == change


def test_interval_is_welchs_by_hand(record: Record) -> None:
    """Two and two processes, equal scatter d on the log scale: s^2 = d^2/2 a side, error d/sqrt(2), 2 degrees."""
    low, high = round(1e6 * math.exp(-0.01)), round(1e6 * math.exp(0.01))
    ratio = compare_records(with_medians(record, low, high), with_medians(record, 2 * low, 2 * high)).latency
    assert isinstance(ratio, Value)
    assert ratio.value == pytest.approx(2, rel=1e-6)
    assert ratio.hi == pytest.approx(2 * math.exp(4.302653 * 0.02 / math.sqrt(2)), rel=1e-4)


def test_a_case_without_trust_is_undecided_and_says_where(record: Record) -> None:
    contended = dataclasses.replace(record, verdict=dataclasses.replace(record.verdict, status="contended"))
    comparison = compare_records(record, contended)
    assert (comparison.change, comparison.reason) == ("undecided", "contended in the second run")
    assert comparison.latency == comparison.energy == Missing("contended in the second run")


def test_offline_is_compared_by_throughput(record: Record) -> None:
    """2 % and 1.5 % of half-width in quadrature are 2.5 %; the medians, all equal, would say that nothing changed."""

    def offline(per_s: float, half: float) -> Record:
        metrics = {**record.metrics, "throughput_per_s": Value(per_s, per_s * math.exp(-half), per_s * math.exp(half))}
        return dataclasses.replace(record, case=dataclasses.replace(record.case, scenario="Offline"), metrics=metrics)

    comparison = compare_records(offline(1000, 0.02), offline(800, 0.015))
    assert comparison.change == "slower"
    assert isinstance(comparison.latency, Value)
    assert comparison.latency.value == pytest.approx(1.25)
    assert comparison.latency.hi == pytest.approx(1.25 * math.exp(0.025))
    bare = dataclasses.replace(record, metrics={**record.metrics, "throughput_per_s": Missing("none")})
    assert compare_records(offline(1, 0.1), dataclasses.replace(bare, case=offline(1, 0.1).case)).reason == (
        "no throughput in the second run"
    )


def test_energy_and_accuracy_or_why_not(record: Record) -> None:
    metrics = {**record.metrics, "energy_net_j": Value(1.0), "top1": Value(0.9)}
    doubled = dataclasses.replace(record, metrics={**metrics, "energy_net_j": Value(2.0), "top1": Value(0.85)})
    comparison = compare_records(dataclasses.replace(record, metrics=metrics), doubled)
    assert comparison.energy == Value(2.0)
    assert isinstance(comparison.top1, Value)
    assert comparison.top1.value == pytest.approx(-0.05)
    none = dataclasses.replace(record, metrics={**metrics, "energy_net_j": Missing("no meter")})
    assert compare_records(none, doubled).energy == Missing("no meter")


def test_runs_are_matched_by_case(tmp_path: Path) -> None:
    a = factory.write_run(tmp_path / "a", factory.nets()[:3])
    b = factory.write_run(tmp_path / "b", factory.nets()[1:5], shift=1.2)
    frame = compare_runs(a, b)
    assert list(frame.case) == [plan.case.id for plan in factory.nets()[1:3]]
    assert set(frame.change) == {"slower"}
    assert (frame.latency_ratio_lo < frame.latency_ratio).all()


def test_other_machines_are_refused_unless_forced(tmp_path: Path) -> None:
    a = factory.write_run(tmp_path / "a", factory.nets()[:1])
    b = factory.write_run(tmp_path / "b", factory.nets()[:1], target="rpi5", host={"cpu": "Cortex-A76", "cores": 2})
    with pytest.raises(UsageError, match="target: x86-64 and rpi5; cpu: Test CPU and Cortex-A76"):
        compare_runs(a, b)
    assert len(compare_runs(a, b, force=True)) == 1


def test_the_same_machine_after_an_update_is_compared(tmp_path: Path) -> None:
    before = {"machine_id": "a", "cpu": "Test CPU", "kernel": "6.1", "memory_bytes": 8_000_000_000, "unknown": {}}
    after = {**before, "kernel": "6.6", "memory_bytes": 8_000_500_000, "machine_id": "b"}
    a = factory.write_run(tmp_path / "a", factory.nets()[:1], host=before)
    b = factory.write_run(tmp_path / "b", factory.nets()[:1], host=after)
    assert compare_runs(a, b).unlike.tolist() == [""]
    c = factory.write_run(tmp_path / "c", factory.nets()[:1], host={**after, "memory_bytes": 4_000_000_000})
    with pytest.raises(UsageError, match="memory GiB: 7 and 4"):
        compare_runs(a, c)


def test_other_power_modes_threads_and_scopes_are_named(tmp_path: Path) -> None:
    def run(name: str, mode: str, scope: str, threads: int) -> RunFolder:
        plan = factory.nets(joules=True)[0]
        plan = dataclasses.replace(plan, case=dataclasses.replace(plan.case, threads=threads))
        folder = factory.write_run(tmp_path / name, [plan], findings=(Finding("power_mode", "ok", mode),))
        (record,) = folder.records()
        trace = dataclasses.replace(record.traces[0], unit="W", scope=scope)
        folder.append(dataclasses.replace(record, traces=(trace,)))
        return folder

    a, b = run("a", "MAXN", "board", 1), run("b", "15W", "package", 4)
    expected = "power mode: MAXN and 15W; power scope: board and package; threads: 1 and 4"
    with pytest.raises(UsageError, match=expected):
        compare_runs(a, b)
    assert compare_runs(a, b, force=True).unlike.tolist() == [expected]
    assert compare_runs(a, run("c", "MAXN", "board", 1)).unlike.tolist() == [""]


def test_another_model_file_is_compared_and_named(tmp_path: Path) -> None:
    a = factory.write_run(tmp_path / "a", factory.nets()[:2])
    b = factory.write_run(tmp_path / "b", factory.nets()[:2])
    record = b.records()[0]
    assert record.artifact is not None
    b.append(dataclasses.replace(record, artifact=dataclasses.replace(record.artifact, sha256="f" * 64)))
    frame = compare_runs(a, b)
    assert dict(zip(frame.case, frame.other_file, strict=True)) == {
        plan.case.id: plan.case.id == record.case_id for plan in factory.nets()[:2]
    }


def test_runs_without_a_common_case_are_refused(tmp_path: Path) -> None:
    a = factory.write_run(tmp_path / "a", factory.nets()[:1])
    b = factory.write_run(tmp_path / "b", factory.nets()[1:2])
    with pytest.raises(UsageError, match="no case in common"):
        compare_runs(a, b)


@pytest.mark.parametrize(("profile", "change"), [("quick", "undecided"), ("full", "slower")])
def test_a_change_within_what_the_profile_can_tell_gets_no_verdict(record: Record, profile: str, change: str) -> None:
    """3 % with processes that agree to .1 %: real for a full run, within the scatter of quick ones."""
    of_profile = dataclasses.replace(record, details={**record.details, "profile": profile})
    a = with_medians(of_profile, 2_000_000, 2_001_000, 2_002_000)
    b = with_medians(of_profile, 2_060_000, 2_061_000, 2_062_000)
    compared = compare_records(a, b)
    assert compared.change == change
    assert ("5%" in compared.reason) == (profile == "quick")


@pytest.mark.parametrize(
    ("fact", "is_of_the_class"),
    [
        *((name, True) for name in ("board", "arch", "cpu_model", "cores", "isa", "hypervisor", "container")),
        *((name, False) for name in ("machine_id", "unit_id", "unit_source")),
        *((name, False) for name in ("kernel", "os", "microcode", "firmware")),
    ],
)
def test_which_facts_make_machines_unlike(tmp_path: Path, fact: str, is_of_the_class: bool) -> None:
    one, other = (
        factory.header(factory.nets()[:1], host={**dict.fromkeys(("board", "cpu_model"), "x"), fact: value})
        for value in ("a", "b")
    )
    assert differences(one, other) == ([f"{fact}: a and b"] if is_of_the_class else [])


def test_a_board_of_eight_gib_is_no_board_of_two() -> None:
    def of(size: int) -> RunHeader:
        return factory.header(factory.nets()[:1], host={"memory_bytes": size})

    assert differences(of(8 << 30), of((8 << 30) - (300 << 20))) == []
    assert differences(of(8 << 30), of(2 << 30)) == ["memory GiB: 8 and 2"]


def test_a_time_that_halves_is_faster_by_as_much_as_one_that_doubles_is_slower(record: Record) -> None:
    fast, slow = with_medians(record, 1000, 1002, 998), with_medians(record, 2000, 2004, 1996)
    there, back = (compare_records(*pair).latency for pair in ((fast, slow), (slow, fast)))
    assert isinstance(there, Value)
    assert isinstance(back, Value)
    assert (there.value, back.value) == (pytest.approx(2), pytest.approx(0.5))
    assert back.lo == pytest.approx(1 / there.hi)  # type: ignore[operator]
