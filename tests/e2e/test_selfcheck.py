"""`edgebench selfcheck`: every check is there with its target; no figure is judged here."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Edgebench

NAMES = [
    *("loop_overhead_ns", "clock_step_ns", "clock_cost_ns", "control_change"),
    *("worker_import_ns", "worker_import_bytes", "sampler_slowdown"),
]


def test_every_check_is_printed_and_kept(edgebench: Edgebench, tmp_path: Path) -> None:
    done = edgebench("selfcheck", "--pairs", "6")
    assert done.returncode == 0, done.stderr
    saved = tmp_path / "cache" / "edgebench" / "selfcheck.json"
    assert done.stdout.splitlines()[-1] == f"saved: {saved}"
    assert done.stdout.count("target: at most") == len(NAMES)
    document = json.loads(saved.read_text())
    assert [check["name"] for check in document["checks"]] == NAMES
    assert all(check["quantity"]["value"] > 0 for check in document["checks"][:6])
    assert {check["status"] for check in document["checks"]} <= {"ok", "warn", "unknown"}
    assert document["host"]["arch"]


def test_an_impossible_place_is_refused_before_measuring(edgebench: Edgebench) -> None:
    done = edgebench("selfcheck", "--out", "no/such/file.json")
    assert done.returncode == 2
    assert "no such folder" in done.stderr
