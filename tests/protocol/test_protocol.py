"""The promises of docs/protocol.md, one test each: see docs/promises.md."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.core.case import Case
from harness.measure.profile import profile
from tests.protocol.scripted import answer, measure, prepared, steady

QUICK, STANDARD, FULL = profile("quick"), profile("standard"), profile("full")


def block(n: int) -> list:
    """Cases of one net that differ in their model file alone."""
    cases = [prepared(Case("m", f"setting-{index}", "null")) for index in range(n)]
    return [
        dataclasses.replace(each, artifact=dataclasses.replace(each.artifact, path=Path(f"{index}.onnx")))
        for index, each in enumerate(cases)
    ]


def rounds(monkeypatch: pytest.MonkeyPatch, seed: int, n: int = 5) -> list[list[int]]:
    """The cases, by number, in the order in which their processes ran: a list for each round."""
    _, jobs = measure(monkeypatch, block(n), QUICK, lambda _job: answer(steady(n=12)), seed)
    ran = [int(Path(job.model).stem) for job in jobs]
    return [ran[start : start + n] for start in range(0, len(ran), n)]


def test_processes_run_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [rounds(monkeypatch, seed) for seed in range(20)]
    each = [one for run in found for one in run]
    assert all(sorted(one) == list(range(5)) for one in each), "every case runs once in each round"
    assert len(each) == 20 * 3
    assert all(len({one[place] for one in each}) == 5 for place in range(5)), "every case comes at every place"
    assert all(any(one != run[0] for one in run) for run in found), "the order is drawn anew for each round"
    assert rounds(monkeypatch, seed=3) == found[3], "the seed decides"


def test_order_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    states, jobs = measure(monkeypatch, block(3), QUICK, lambda _job: answer(steady(n=12)))
    recorded = {run.order: Path(state.prepared.artifact.path).stem for state in states for run in state.runs}
    assert [recorded[place] for place in range(9)] == [Path(job.model).stem for job in jobs]
