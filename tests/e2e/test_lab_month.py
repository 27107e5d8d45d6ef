"""A month of a lab: two boards of one kind with copies of one card, one store, and a verdict for every night.

The whole command runs every night but for the measuring: what a board measured is scripted, and so is what a second
measurement shows. The script is one table, a row for each night that is not like the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import cli, store
from harness.cli import run as run_command
from harness.nightly.baselines import BaselineStore
from tests.fakes.nights import FP32, INT8, Lab

DAYS = 31
FIRST = datetime(2026, 3, 1, 2, 30, tzinfo=timezone.utc)
QUIET = "nothing to report"
BOTH = (FP32, INT8)


@dataclass(frozen=True)
class Scripted:
    """A night of one board.

    Attributes:
        code: The exit code that it must have.
        says: What its first line must be; None where only the findings matter.
        findings: What its findings must hold: a text of each, in their order.
        build: Content of the model files.
        slow: Factors on the latencies.
        status: Verdicts of the cases.
        clock: What the board's clock says, None for the right time.
        on: Whether the board is on.
    """

    code: int = 0
    says: str | None = QUIET
    findings: tuple[str, ...] = ()
    build: str = "good"
    slow: Mapping[str, float] = field(default_factory=dict)
    status: Mapping[str, str] = field(default_factory=dict)
    clock: str | None = None
    on: bool = True


YOUNG = {day: Scripted(says=f"night {day} of 5: not judged yet") for day in range(1, 6)}
SLOW: Any = {"build": "slow", "slow": {FP32: 1.32}}
FOUND = (f"regression: {FP32} latency_p50_ns",)
BEHIND = ("infrastructure: machine: the clock says ",)

BOARD_A: Mapping[int, Scripted] = {
    **YOUNG,
    # the slow net comes in the night in which the board starts without a clock, and stays for three more
    9: Scripted(1, "1 regression, 1 infrastructure", (*FOUND, *BEHIND), clock="1970-01-01T00:01+00:00", **SLOW),
    10: Scripted(1, None, FOUND, **SLOW),
    11: Scripted(1, None, FOUND, **SLOW),
    12: Scripted(1, None, FOUND, **SLOW),
    # repaired; then one night is dated a year ahead, and blinds none of those after it
    16: Scripted(clock="2027-03-16T02:30+00:00"),
    17: Scripted(12, "1 infrastructure", BEHIND),
    20: Scripted(1, "1 regression", FOUND, **SLOW),
    # a clock that stands a fortnight back
    26: Scripted(12, "1 infrastructure", BEHIND, clock="2026-03-12T02:30+00:00"),
}
BOARD_B: Mapping[int, Scripted] = {
    **YOUNG,
    8: Scripted(on=False),
    13: Scripted(
        *(12, "1 infrastructure", ("infrastructure: machine: no figures tonight: 2 of 2 contended",)),
        status=dict.fromkeys(BOTH, "contended"),
    ),
    # a net that is 12 % faster is told once it is there, and is good after three nights
    21: Scripted(0, "1 improvement", (f"improvement: {INT8} latency_p50_ns",), build="fast", slow={INT8: 0.88}),
}
LATER_BUILDS = {"b": (22, "fast", {INT8: 0.88})}
"""A build that stays, by board: from which day, its content and its factors."""


SLOW_PASSES = {"a": ["a1", "a8", "a15", "a16", "a23", "a30"], "b": ["b1", "b9", "b16", "b23", "b30"]}
"""A week after the last: the night dated ahead seems to be one, and the seven nights after it are counted."""


class Month:
    """The lab's store, its boards, and the command that each of them runs at night."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.lab = Lab(folder)
        self.lab.plug_in(patch)
        self.lab.runs_still = True
        self._patch, self._capsys = patch, capsys
        self._level = {"a": 1.0, "b": 1.4}

    def night(self, board: str, day: int, scripted: Scripted) -> tuple[int, list[str]]:
        """Run the command; return its exit code and what it printed for people."""
        factors = {case: self._level[board] * scripted.slow.get(case, 1.0) for case in BOTH}
        clock = scripted.clock or (FIRST + timedelta(days=day - 1)).isoformat()
        about = {"machine": "card", "unit": f"unit-{board}", "target": "raspberry-pi-5", "run_id": f"{board}{day}"}
        folder = self.lab.run(factors, scripted.status, clock=clock, **about)
        self.lab.remeasurement.ratio = next(iter(scripted.slow.values()), 1.0)
        bench = SimpleNamespace(folder=folder, plan=self.lab.plan(scripted.build), interrupted=False)
        self._patch.setattr(run_command, "planned", lambda _config: bench.plan)
        self._patch.setattr(run_command, "measure", lambda *_: bench)
        place = ["--store", str(self.lab.store_path), "--no-report"]
        code = cli.main(["nightly", "run", "quick", *place])
        printed = self._capsys.readouterr().out
        told = printed[printed.rindex("\n\n") :].strip().splitlines() if "\n\n" in printed else printed.splitlines()
        return code, told

    def last_good(self, board: str, case: str) -> str:
        kept = BaselineStore(self.lab.folder / "kept" / f"quick-raspberry-pi-5-unit-{board}.json")
        return kept.path(kept.last_good(case)).read_text()


def scripted_of(board: str, day: int) -> Scripted:
    script = {"a": BOARD_A, "b": BOARD_B}[board]
    if day in script:
        return script[day]
    first, build, slow = LATER_BUILDS.get(board, (DAYS + 1, "", {}))
    return Scripted(says=None, build=build, slow=slow) if day >= first else Scripted()


def test_every_night_of_a_month_has_the_verdict_that_it_should_have(tmp_path, monkeypatch, capsys) -> None:
    month = Month(tmp_path, monkeypatch, capsys)
    order = []
    for day in range(1, DAYS + 1):
        for board in ("a", "b"):
            scripted = scripted_of(board, day)
            if not scripted.on:
                continue
            order.append(f"{board}{day}")
            code, told = month.night(board, day, scripted)
            where = f"board {board}, night {day}: {told}"
            assert code == scripted.code, where
            if scripted.says is not None:
                assert told[0] == scripted.says, where
            findings = [line for line in told[1:] if re.match("regression|infra|environment|inconcl|improvement", line)]
            for text in scripted.findings:
                assert any(text in line for line in findings), where
            if scripted.says is not None:
                assert len(findings) == len(scripted.findings), where
        if day == 12:
            assert month.last_good("a", FP32) == "good", "four slow nights make no good build"
    assert (month.last_good("a", FP32), month.last_good("b", INT8)) == ("good", "fast")

    with store.open(month.lab.store_path) as opened:
        assert list(opened.runs().run) == order
        for board in ("a", "b"):
            own = [name for name in order if name[0] == board]
            assert list(opened.runs(store.Filters(machine=f"unit-{board}")).run) == own
            filed = month.lab.folder / "nightly" / f"quick-raspberry-pi-5-unit-{board}"
            documents = [json.loads(path.read_text()) for path in filed.iterdir()]
            assert {one["run_id"] for one in documents} == set(own)
            passes = [one["run_id"] for one in sorted(documents, key=lambda one: one["sequence"]) if one["slow_pass"]]
            assert passes == SLOW_PASSES[board]
