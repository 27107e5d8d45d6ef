"""What a machine's earlier runs say of this one, on times made up so that the answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.core.files import state_dir
from harness.core.quantity import Missing
from harness.host.identity import Machine
from harness.host.machine_speed import (
    KEPT,
    USED,
    MachineSpeed,
    SpeedHistory,
    UsualTime,
    between_runs,
    history_of,
)
from harness.stats.distributions import t_quantile

MS = 1e6
SOFTWARE = "Python 3, NumPy 2, net 1"


def history(folder: Path, *reference_ms: float, software: str = SOFTWARE) -> SpeedHistory:
    kept = SpeedHistory("unit", software, folder)
    for ms in reference_ms:
        kept.add({"reference": ms * MS})
    return kept


def test_the_usual_time_is_the_median_of_earlier_runs() -> None:
    assert UsualTime.of([1.0] * 4) is None, "five are wanted"
    usual = UsualTime.of([100.0, 102.0, 98.0, 101.0, 99.0, 500.0])
    assert usual is not None
    assert usual.ns == pytest.approx(100.5, rel=0.01), "an outlier moves it little"
    assert usual.spread == pytest.approx(0.02, rel=0.5)
    assert usual.reach == pytest.approx(t_quantile(0.975, 5) * usual.spread * math.sqrt(1 + 1 / 6))


def test_a_deviation_is_one_beyond_what_runs_differ_by() -> None:
    steady, restless = UsualTime(100.0, 0.001, 30), UsualTime(100.0, 0.05, 30)
    assert steady.deviation(108.0) == pytest.approx(0.08)
    assert steady.deviation(92.0) == pytest.approx(-0.08)
    assert steady.deviation(102.9) == steady.deviation(97.2) == 0.0
    assert steady.deviation(104.0, least=0.05) == 0.0
    assert restless.deviation(108.0) == 0.0
    assert restless.deviation(120.0) == pytest.approx(0.2)


def test_the_largest_deviation_is_told() -> None:
    usual = {name: UsualTime(2 * MS, 0.001, 9) for name in ("control", "memory", "reference")}
    now = {"control": 2.1 * MS, "memory": 1.6 * MS, "reference": 2.0 * MS}
    speed = MachineSpeed(now, usual, 9, unknown="")
    assert set(speed.deviations()) == {"control", "memory"}
    times = "a fixed stream from memory took 1.6 ms, 2 ms in the median of 9 runs before"
    assert speed.words() == f"machine 20 % faster than its usual: {times}"
    assert MachineSpeed({"reference": 2 * MS}, usual={"reference": usual["reference"]}).words() == ""


def test_runs_are_kept_and_judge_the_next(tmp_path: Path) -> None:
    for earlier in range(6):
        speed = SpeedHistory("unit", SOFTWARE, tmp_path).judge({"reference": 2 * MS})
        assert (speed.earlier_runs, speed.between_runs is not None) == (earlier, earlier >= 5)
        history(tmp_path, 2.0)
    other = history(tmp_path, software="Python 4").judge({"reference": 2 * MS})
    assert other.earlier_runs == 0, "another Python takes another time"
    assert SpeedHistory("twin", SOFTWARE, tmp_path).judge({"reference": 2 * MS}).earlier_runs == 0


def test_a_piece_of_work_that_earlier_runs_lack_is_not_known(tmp_path: Path) -> None:
    speed = history(tmp_path, *[2.0] * 6).judge({"reference": 2 * MS, "memory": MS})
    assert set(speed.usual) == {"reference"}


def test_a_history_follows_an_ageing_machine_and_stays_small(tmp_path: Path) -> None:
    kept = history(tmp_path, *[1.0] * (KEPT + 20 - USED), *[2.0] * USED)
    assert len(kept.path.read_text().splitlines()) == KEPT
    speed = kept.judge({"reference": 2 * MS})
    assert (speed.earlier_runs, speed.usual["reference"].ns) == (USED, pytest.approx(2 * MS))


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"software": "x"}', '{"software": "x", "now_ns": {}}', '{"now_ns": {"reference": -1}}']
)
def test_a_damaged_line_costs_itself_alone(tmp_path: Path, damage: str) -> None:
    kept = history(tmp_path, *[2.0] * 5)
    kept.path.write_text(kept.path.read_text() + damage + "\n")
    assert kept.judge({"reference": 2 * MS}).earlier_runs == 5
    kept.add({"reference": 2 * MS})
    assert kept.judge({"reference": 2 * MS}).earlier_runs == 6


def test_a_folder_that_cannot_be_written_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    kept = SpeedHistory("unit", SOFTWARE, tmp_path / "file")
    kept.add({"reference": MS})
    assert "not kept" in caplog.text
    assert kept.judge({"reference": MS}).earlier_runs == 0


def machine(unit_id: str | None) -> Machine:
    facts = dict.fromkeys(("machine_id", "board", "arch", "cpu_model", "cores", "memory_bytes", "kernel", "os"))
    more = dict.fromkeys(("microcode", "firmware"))
    unknown = {} if unit_id else {"unit_id": "no file holds an id"}
    return Machine(**facts, **more, isa=(), hypervisor="", container="", unknown=unknown, unit_id=unit_id)  # type: ignore[arg-type]


def test_the_history_is_the_units_own_in_the_users_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    kept = history_of(machine("0123abcd"), SOFTWARE)
    assert isinstance(kept, SpeedHistory)
    assert kept.path == tmp_path / "edgebench" / "machine-speed" / "0123abcd.jsonl"
    assert state_dir() == tmp_path / "edgebench"
    none = history_of(machine(None), SOFTWARE)
    assert isinstance(none, Missing)
    assert "no file holds an id" in none.reason


def test_a_record_knows_how_far_runs_differ() -> None:
    usual = UsualTime(2 * MS, 0.02, 9)
    assert between_runs(MachineSpeed({}, {"reference": usual}, 9).to_json()) == pytest.approx(usual.reach)
    assert between_runs(MachineSpeed({"reference": MS}, {}, 2).to_json()) is None
    assert between_runs({}) is None
