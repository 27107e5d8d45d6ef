"""The limits of a measured process, and how they reach the worker's job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core.target import Target, TargetLimits
from harness.host.resource_limits import ResourceLimits
from harness.measure.prepared import side_by_side
from harness.runs.variants import VariantResolver

MIB = 1 << 20
BOARD = Target("board", "Board", "board", limits=TargetLimits(memory_bytes=100 * MIB, timeout_s=7.0))


def test_the_limits_are_the_targets() -> None:
    limits = ResourceLimits.on(BOARD)
    assert (limits.timeout_s, limits.memory_bytes) == (7.0, 100 * MIB)
    assert set(limits.cpus) == os.sched_getaffinity(0)


def test_the_users_limits_override_the_targets() -> None:
    limits = ResourceLimits.on(BOARD, timeout_s=3.0, memory_bytes=50 * MIB)
    assert (limits.timeout_s, limits.memory_bytes) == (3.0, 50 * MIB)


@pytest.mark.parametrize(("threads", "cpus"), [(1, (3,)), (2, (3, 2)), (9, (3, 2, 1, 0))])
def test_a_case_gets_a_cpu_for_every_thread(tmp_path: Path, threads: int, cpus: tuple[int, ...]) -> None:
    resolver = VariantResolver(ResourceLimits(60.0, 100 * MIB, (3, 2, 1, 0)), threads)
    prepared = resolver.resolve("mobilenet_v2-0.35-32|fp32|onnxruntime-cpu").prepared
    job = prepared.job("latency", tmp_path, seed=0)
    assert (job.affinity, job.memory_bytes) == (cpus, 100 * MIB)
    assert prepared.job("accuracy", tmp_path, seed=0).affinity == ()


@pytest.mark.parametrize(("memory_bytes", "most"), [(100 * MIB, 1), (None, len(os.sched_getaffinity(0)))])
def test_untimed_processes_share_the_memory(memory_bytes: int | None, most: int) -> None:
    prepared = (
        VariantResolver(ResourceLimits(60.0, memory_bytes))
        .resolve("mobilenet_v2-0.35-32|fp32|onnxruntime-cpu")
        .prepared
    )
    assert side_by_side([prepared]) == most
