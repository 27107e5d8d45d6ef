"""Kills for memory are counted where the kernel counts them, and told only then."""

from __future__ import annotations

import pytest

from harness.core.hostfs import HostFs
from harness.host import out_of_memory
from harness.measure.passes import worker_process


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"proc/vmstat": "nr_free_pages 5\noom_kill 3\n"}, 3),
        ({"proc/vmstat": "oom_kill 3\n", "sys/fs/cgroup/a/memory.events": "low 0\noom 1\noom_kill 2\n"}, 5),
        ({"sys/fs/cgroup/a/memory.events": "oom_kill 2\n", "sys/fs/cgroup/memory.events": "oom_kill 4\n"}, 6),
        ({"proc/vmstat": "nr_free_pages 5\n"}, None),
        ({"proc/vmstat": "oom_kill x\noom_killer 3\n"}, None),
        ({}, None),
    ],
)
def test_kills_are_those_of_the_machine_and_of_our_groups(tmp_path, files, count) -> None:
    for name, text in {"proc/self/cgroup": "0::/a\n", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert out_of_memory.kills(HostFs(tmp_path)) == count


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [(3, 4, "out-of-memory"), (3, 3, "crashed"), (None, None, "crashed"), (None, 4, "crashed"), (3, None, "crashed")],
)
def test_a_killed_process_ran_out_of_memory_only_where_the_count_rose(monkeypatch, before, after, status) -> None:
    monkeypatch.setattr(out_of_memory, "kills", lambda _: after)
    verdict = worker_process._died(-9, before)
    assert verdict.status == status
    assert ("for memory: see" in verdict.reason) == (status == "out-of-memory")
    assert worker_process._died(-11, before).reason == "the process was ended by SIGSEGV"
