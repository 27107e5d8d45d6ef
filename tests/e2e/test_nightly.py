"""Nights of the real command on a real net: silent on the same build, loud on one whose answers changed."""

from __future__ import annotations

import json

import pytest

from harness.core.case import Case
from harness.nightly.machine import has_trusted_figures
from harness.store.runfolder import RunFolder
from suites.artifacts import catalog
from tests.onnx_bytes import slowed
from tests.shared import copy, once

from .conftest import EMBEDDED, SMOKE, called

CASE = Case(EMBEDDED, "fp32", "onnxruntime-cpu").id
BOTH = ("nightly", "run", "quick", "-k", f"{EMBEDDED}|fp32", *SMOKE)
NIGHT = ("nightly", "run", "quick", "-k", CASE, *SMOKE)


@pytest.fixture
def _first_night(tmp_path_factory, tmp_path):
    """The store as the first night of the net on both runtimes left it, in the place of the user's own."""

    def measure(folder):
        done = called(folder, *BOTH, "--no-report", "--out", "night1")
        assert_quiet(done, folder / "night1")
        assert "night 1 of 5: not judged yet" in done.stdout

    copy(once(tmp_path_factory, "night", measure), tmp_path)


def assert_quiet(done, run):
    """Nothing was found about a build: on a machine that others use, no figure may be one to trust."""
    trusted = any(map(has_trusted_figures, RunFolder(run).records()))
    assert done.returncode == (0 if trusted else 12), done.stdout + done.stderr
    assert {one["kind"] for one in _outcomes(run)} <= ({"transient"} if trusted else {"transient", "infrastructure"})


def shipped(setting):
    return catalog.ARTIFACTS / EMBEDDED / f"{setting}.onnx"


@pytest.mark.usefixtures("_first_night")
def test_second_night_of_the_same_build_has_nothing_to_report(edgebench, tmp_path):
    done = edgebench(*NIGHT, "--out", "night2")
    assert_quiet(done, tmp_path / "night2")
    assert "night 2 of 5: not judged yet" in done.stdout
    written = {path.name for path in (tmp_path / "night2").iterdir()}
    assert {"report.html", "verdicts.json", "junit.xml", "summary.md", "feed.atom"} <= written
    assert (tmp_path / "night2" / "feed.atom").read_text().count("<entry>") == 2


@pytest.mark.usefixtures("_first_night")
def test_lost_accuracy_is_a_confirmed_regression_until_it_is_accepted(edgebench, tmp_path):
    """Per-tensor weights of this net answer at random: McNemar's test needs no history for that."""
    collapsed = ("--artifact", f"{CASE}={shipped('int8-static-per-tensor')}", "--no-report")
    done = edgebench(*NIGHT, *collapsed, "--out", "bad")
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = [one for one in _outcomes(tmp_path / "bad") if one["metric"] == "top1"]
    assert (found["kind"], found["case_id"]) == ("regression", CASE)
    assert "McNemar" in found["sentence"]
    assert f"regression: {CASE} top1" in done.stdout

    again = edgebench(*NIGHT, *collapsed, "--out", "still-bad")
    assert again.returncode == 1, "the last good build must not have moved"
    explained = edgebench("nightly", "show", f"{CASE} top1")
    assert explained.stdout.count("regression: ") == 2
    assert "again with" in explained.stdout

    assert edgebench("nightly", "accept", CASE).returncode == 2, "it asks for the reason"
    assert edgebench("nightly", "accept", CASE, "--reason", "wanted").returncode == 0
    assert_quiet(edgebench(*NIGHT, *collapsed, "--out", "accepted"), tmp_path / "accepted")


@pytest.mark.usefixtures("_first_night")
def test_larger_file_with_the_same_answers_is_told_by_its_size(edgebench, tmp_path):
    grown = tmp_path / "grown.onnx"
    grown.write_bytes(slowed(shipped("fp32").read_bytes(), "logits", 1000))
    done = edgebench(*NIGHT, "--artifact", f"{CASE}={grown}", "--out", "grown", "--no-report")
    assert done.returncode == 1, done.stdout + done.stderr
    assert {one["metric"] for one in _outcomes(tmp_path / "grown") if one["kind"] == "regression"} >= {"artifact_bytes"}
    assert not [one for one in _outcomes(tmp_path / "grown") if one["metric"] == "top1"]


@pytest.mark.usefixtures("_first_night")
def test_build_that_no_longer_runs_is_a_regression_and_the_night_says_so(edgebench, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(shipped("fp32").read_bytes()[:1000])
    done = edgebench(*BOTH, "--artifact", f"{CASE}={broken}", "--out", "broken", "--no-report")
    assert done.returncode == 1, done.stdout + done.stderr
    (found,) = [one for one in _outcomes(tmp_path / "broken") if one["case_id"] == CASE and not one["metric"]]
    assert found["sentence"].endswith("the last good build still runs")


def test_night_that_measures_nothing_is_never_ok(edgebench, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    assert edgebench(*NIGHT, "--artifact", f"{CASE}={broken}").returncode == 3


def test_bad_requests_are_refused(edgebench):
    for arguments, told in (
        (("nightly", "show", "x"), "store"),
        (("nightly", "run", "quick", "--artifact", "no-case=x.onnx", *SMOKE), "unknown case"),
        (("nightly", "install", "--user", "--at", "25:00"), "not a time of day"),
    ):
        done = edgebench(*arguments)
        assert done.returncode == 2, done.stdout
        assert told in done.stderr
        assert "Traceback" not in done.stderr


def test_install_writes_units_that_name_the_command(edgebench, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    when = ("--at", "03:15", "--store", "bench.sqlite")
    done = edgebench("nightly", "install", "quick", "--user", *when)
    assert done.returncode == 0, done.stderr
    units = tmp_path / "config" / "systemd" / "user"
    service = (units / "edgebench-nightly-quick.service").read_text()
    assert f"nightly run quick --store {tmp_path}/bench.sqlite" in service
    assert f"WorkingDirectory={tmp_path}" in service
    assert "OnCalendar=*-*-* 03:15:00" in (units / "edgebench-nightly-quick.timer").read_text()


def _outcomes(folder):
    return json.loads((folder / "verdicts.json").read_text())["outcomes"]


def test_a_suite_that_is_not_there_leaves_no_store_behind(edgebench, tmp_path):
    assert edgebench("nightly", "run", "nope").returncode == 2
    assert not list((tmp_path / "data").rglob("*"))
