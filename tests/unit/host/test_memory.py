"""How much a measured process may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.resource_limits import available_bytes, process_limit_bytes
from tests import trees

MIB = 1 << 20
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
