"""What a suite file is expanded to, and which file a case runs."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

import suites
from harness.core.artifact import sha256_of
from harness.core.case import Case
from harness.core.errors import SetupError, UnknownName
from suites.artifacts import catalog, model_cache
from suites.suite import Group, Suite, expand

MODEL, OTHER = "mobilenet_v2-0.35-32", "shufflenet_v2-0.5-32"
GROUP = Group((MODEL, OTHER), ("fp32", "int8-static"), ("onnxruntime-cpu", "litert-xnnpack"), (1, 2))


def suite(*groups: Group) -> Suite:
    return Suite("own", "Own", "quick", groups)


def test_a_group_is_every_combination_models_outermost() -> None:
    cases = expand(suite(GROUP))
    assert len(cases) == len(set(cases)) == 2 * 2 * 2 * 2
    assert [case.model for case in cases] == [MODEL] * 8 + [OTHER] * 8
    assert {(case.compression, case.runtime, case.threads) for case in cases} == {
        (setting, runtime, threads)
        for setting in GROUP.compression
        for runtime in GROUP.runtimes
        for threads in GROUP.threads
    }


def test_threads_that_are_asked_for_replace_those_of_every_group() -> None:
    cases = expand(suite(GROUP, dataclasses.replace(GROUP, batch=(4,))), threads=3)
    assert {case.threads for case in cases} == {3}
    assert len(cases) == 2 * 8


def test_a_case_of_two_groups_is_one() -> None:
    assert expand(suite(GROUP, dataclasses.replace(GROUP, models=(MODEL,)))) == expand(suite(GROUP))


def test_a_data_set_is_that_of_its_group() -> None:
    (case,) = expand(suite(Group((MODEL,), ("fp32",), ("null",), dataset="fashion-mnist")))
    assert (case.dataset, case.weights) == ("fashion-mnist", "trained")


@pytest.mark.parametrize("name", suites.names())
def test_every_built_in_suite_names_models_that_there_are(name: str) -> None:
    cases = expand(suites.load(name))
    assert cases
    assert len({case.id for case in cases}) == len(cases)


def test_weights_are_trained_where_a_net_ships() -> None:
    assert catalog.weights(MODEL) == "trained"
    assert catalog.weights("mobilenet_v2-1.0-224") == "synthetic"
    with pytest.raises(UnknownName, match="no_such_net"):
        catalog.weights("no_such_net-1.0-224")


def test_a_shipped_file_that_was_changed_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(MODEL, "fp32", "onnxruntime-cpu")
    found = catalog.artifact(case, "onnx")
    entry = catalog.shipped()[MODEL, "fp32", "onnx"]
    assert (found.sha256, found.path.name) == (entry["sha256"], "fp32.onnx")
    copy = tmp_path / entry["file"]
    copy.parent.mkdir(parents=True)
    shutil.copyfile(found.path, copy)
    monkeypatch.setattr(catalog, "ARTIFACTS", tmp_path)
    assert catalog.artifact(case, "onnx").path == copy
    copy.write_bytes(copy.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(SetupError, match="not the file the manifest names"):
        catalog.artifact(case, "onnx")
    assert entry["file"] in catalog.damaged()


def keep_prepared(origin_sha256: str) -> Path:
    """A prepared file of a setting that does not ship, begun from a net with that hash."""
    with model_cache.build_folder() as folder:
        file = folder / MODEL / "own.onnx"
        file.parent.mkdir()
        file.write_bytes(b"a net")
        recipe = {"origin_sha256": origin_sha256}
        model_cache.keep(model_cache.Entry(MODEL, "own", "onnx", sha256_of(file), 5, 7, 9, None, recipe), folder)
    return model_cache.prepared_dir() / MODEL / "own.onnx"


def test_a_prepared_file_is_run_as_long_as_it_is_of_the_net_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    case = Case(MODEL, "own", "onnxruntime-cpu")
    path = keep_prepared(catalog.shipped()[MODEL, "fp32", "onnx"]["sha256"])
    assert (catalog.artifact(case, "onnx").path, catalog.artifact(case, "onnx").macs) == (path, 9)
    path.write_bytes(b"another")
    with pytest.raises(SetupError, match="run edgebench prepare"):
        catalog.artifact(case, "onnx")
    keep_prepared("0" * 64)
    with pytest.raises(catalog.NotBuilt):
        catalog.artifact(case, "onnx")
