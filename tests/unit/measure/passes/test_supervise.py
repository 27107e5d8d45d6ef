"""Waiting for a child: when it is looked at, and that every way of waiting notices its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.measure.passes import worker_process as module
from harness.measure.passes.worker_process import FASTEST_BYTES_PER_S, supervise

MIB = 1 << 20


class Child:
    """As much of a child process as the guard looks at; it ends when it is waited for the n-th time."""

    pid = -1

    def __init__(self, ends_after: int) -> None:
        self.ends_after = ends_after
        self.pauses: list[float] = []

    def wait(self, pause_s: float) -> int:
        self.pauses.append(pause_s)
        if len(self.pauses) >= self.ends_after:
            return 0
        raise subprocess.TimeoutExpired("child", pause_s)


def holding(monkeypatch: pytest.MonkeyPatch, *held: int) -> None:
    """What the child holds at one look after the other; waiting goes without a pidfd."""
    looks = iter(held)
    monkeypatch.setattr(module, "current_rss_bytes", lambda pid: next(looks))
    monkeypatch.setattr(os, "pidfd_open", _refused, raising=False)


def _refused(pid: int) -> int:
    raise OSError("an old kernel")


def test_the_nearer_the_limit_the_sooner_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 4 * FASTEST_BYTES_PER_S
    holding(monkeypatch, 0, limit - FASTEST_BYTES_PER_S, limit - MIB)
    child = Child(3)
    assert supervise(child, 1000.0, limit) is None  # type: ignore[arg-type]
    assert child.pauses == [2.0, 1.0, 0.02]


def test_too_much_is_told_with_both_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch, 100 * MIB, 301 * MIB)
    stopped = supervise(Child(9), 1000.0, 300 * MIB)  # type: ignore[arg-type]
    assert stopped is not None
    assert (stopped.status, stopped.reason) == (
        "out-of-memory",
        "the process held 301.0 MiB, its limit is 300.0 MiB: stopped",
    )


def test_without_a_limit_nothing_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(monkeypatch)
    child = Child(1)
    assert supervise(child, 1000.0, None) is None  # type: ignore[arg-type]
    assert child.pauses == [pytest.approx(1000.0, rel=0.1)]


@pytest.mark.parametrize("with_pidfd", [True, False])
def test_the_end_of_a_child_is_noticed(monkeypatch: pytest.MonkeyPatch, with_pidfd: bool) -> None:
    if not with_pidfd:
        monkeypatch.setattr(os, "pidfd_open", _refused, raising=False)
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert supervise(child, 120.0, 4 << 30) is None
    assert child.returncode == 0


def test_a_child_that_takes_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = supervise(Child(9), 0.0, None)  # type: ignore[arg-type]
    assert stopped is not None
    assert stopped.status == "timeout"
