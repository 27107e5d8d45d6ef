"""Memory of a process from the kernel's own figures, in bytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.worker import os_counters

STATUS = """Name:	python
VmPeak:	  900000 kB
VmSize:	  800000 kB
VmHWM:	   30000 kB
VmRSS:	   20000 kB
VmSwap:	     500 kB
Threads:	2
"""
ROLLUP = """00400000-7ffe0000 ---p 00000000 00:00 0    [rollup]
Rss:               20000 kB
Pss:               15000 kB
Shared_Clean:       4000 kB
Private_Clean:      3000 kB
Private_Dirty:      2000 kB
"""


@pytest.fixture(autouse=True)
def proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for pid in ("self", "42"):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "status").write_text(STATUS)
        (tmp_path / pid / "smaps_rollup").write_text(ROLLUP)
    monkeypatch.setattr(os_counters, "Path", lambda name: tmp_path / os.path.relpath(name, "/proc"))


def test_the_peak_is_the_largest_resident_set() -> None:
    assert os_counters.peak_rss_bytes() == 30000 * 1024
    assert os_counters.memory_mark()["peak_rss_bytes"] == 30000 * 1024


def test_what_is_held_is_resident_and_swapped_out() -> None:
    assert os_counters.current_rss_bytes(42) == 20500 * 1024
    assert os_counters.current_rss_bytes(43) == 0


def test_what_a_process_alone_holds_are_its_private_pages_clean_and_dirty() -> None:
    assert os_counters.resident(42) == (20000 * 1024, 5000 * 1024)
    assert os_counters.resident(43) is None
