"""Which CPUs a measured process is pinned to, and how much memory it may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Target, TargetLimits
from harness.host import resource_limits
from harness.host.resource_limits import ResourceLimits, available_bytes, process_limit_bytes
from harness.measure.prepared import side_by_side
from harness.runs.variants import VariantResolver
from tests import trees

MIB = 1 << 20
CPU = "sys/devices/system/cpu/cpu"


def order(root: Path, files: trees.Tree, n: int, preferred: tuple[int, ...] = ()) -> tuple[int, ...]:
    return resource_limits.pinning_order(range(n), preferred, HostFs(trees.write(root, files)))


def test_the_first_cpu_is_the_last_choice(tmp_path: Path) -> None:
    assert order(tmp_path, {}, 4) == (1, 2, 3, 0)


def test_big_cores_come_first(tmp_path: Path) -> None:
    capacity = (404, 404, 1024, 1000)
    files: trees.Tree = {f"{CPU}{cpu}/cpu_capacity": value for cpu, value in enumerate(capacity)}
    assert order(tmp_path, files, 4) == (2, 3, 1, 0)


def test_clocks_order_the_cpus_where_there_is_no_capacity(tmp_path: Path) -> None:
    clocks = (4_700_000, 3_300_000, 4_900_000, 3_300_000)
    files: trees.Tree = {f"{CPU}{cpu}/cpufreq/cpuinfo_max_freq": khz for cpu, khz in enumerate(clocks)}
    assert order(tmp_path, files, 4) == (2, 0, 1, 3)


def test_kinds_of_core_come_in_the_order_of_their_speed(tmp_path: Path) -> None:
    lists: trees.Tree = {"sys/devices/cpu_core/cpus": "2-3", "sys/devices/cpu_atom/cpus": "0,4"}
    files: trees.Tree = {**lists, "sys/devices/cpu_lowpower/cpus": "1"}
    assert order(tmp_path, files, 5) == (2, 3, 4, 0, 1)


def test_one_thread_of_every_core_before_their_siblings(tmp_path: Path) -> None:
    pairs = ("0-1", "0-1", "2,3", "2,3")
    files: trees.Tree = {f"{CPU}{cpu}/topology/thread_siblings_list": pair for cpu, pair in enumerate(pairs)}
    assert order(tmp_path, files, 4) == (2, 0, 1, 3)


def test_the_target_goes_before_all_of_that(tmp_path: Path) -> None:
    assert order(tmp_path, {}, 4, preferred=(0, 3)) == (3, 0, 1, 2)


def test_only_what_is_allowed(tmp_path: Path) -> None:
    assert resource_limits.pinning_order({5, 6}, (1, 6), HostFs(tmp_path)) == (6, 5)


PI_ZERO: trees.Tree = {"proc/meminfo": "MemTotal:         425000 kB\nMemAvailable:     307200 kB\n"}


@pytest.mark.parametrize(("wanted", "limit"), [(None, 270), (200 * MIB, 200), (400 * MIB, 270)])
def test_never_more_than_what_is_free(tmp_path: Path, wanted: int | None, limit: int) -> None:
    assert process_limit_bytes(wanted, HostFs(trees.write(tmp_path, PI_ZERO))) == limit * MIB


def test_a_container_may_have_less(tmp_path: Path) -> None:
    group: trees.Tree = {"proc/self/cgroup": "0::/box\n", "sys/fs/cgroup/box/memory.max": str(100 * MIB)}
    assert available_bytes(HostFs(trees.write(tmp_path, {**PI_ZERO, **group}))) == 100 * MIB


def test_where_nothing_is_known_nothing_is_stopped(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, {"proc/meminfo": "MemTotal: 425000 kB\n"}))
    assert isinstance(available_bytes(fs), Missing)
    assert process_limit_bytes(None, fs) is None
    assert process_limit_bytes(5 * MIB, fs) == 5 * MIB
    assert isinstance(available_bytes(HostFs(tmp_path / "nowhere")), Missing)


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
