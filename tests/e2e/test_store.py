"""A run that goes into a store, and one whose store cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

from harness.core.errors import EXIT_USAGE
from harness.store.database.store import Store
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench

ONE_CASE = ("run", "quick", "-k", f"{EMBEDDED}|int8-static|litert", *SMOKE, "--no-report")


def test_a_run_is_in_the_store_with_its_provenance(edgebench: Edgebench, tmp_path: Path) -> None:
    told = ("--power-supply", "official 27 W", "--ambient-c", "21.5")
    done = edgebench(*ONE_CASE, "--out", "run", "--store", "kept/store.sqlite", *told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 case added" in done.stdout
    run = RunFolder(tmp_path / "run")
    with Store(tmp_path / "kept" / "store.sqlite", create=False) as store:
        assert store.records(run.header().run_id) == run.records()
    provenance = run.header().provenance
    assert (provenance["power_supply"], provenance["ambient_c"]) == ("official 27 W", 21.5)
    assert len(run.records()[0].artifact.recipe_sha256) == 64
    history = edgebench("history", "--store", "kept/store.sqlite", "--metric", "latency_p50_ns", "--json")
    assert json.loads(history.stdout)[0]["value"] == run.records()[0].value("latency_p50_ns")
    assert edgebench("store", "check", "--store", "kept/store.sqlite").returncode == 0


def test_a_store_that_cannot_be_written_costs_no_run(edgebench: Edgebench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    done = edgebench(*ONE_CASE, "--out", "run", "--store", "file/store.sqlite")
    assert done.returncode == EXIT_USAGE, done.stdout + done.stderr
    assert "edgebench store add run" in done.stderr
    assert "Traceback" not in done.stderr
    assert RunFolder(tmp_path / "run").missing() == ()
    assert edgebench("store", "add", "run", "--store", "good.sqlite").returncode == 0
