"""The exit code says what became of the run."""

from __future__ import annotations

import dataclasses

import pytest

from harness.cli.run import exit_code
from harness.core.case import Case, Weights
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED
from harness.core.quantity import Value
from harness.core.record import ArtifactInfo, Record
from harness.core.verdict import Status, Verdict

ARTIFACT = ArtifactInfo("m.onnx", "onnx", "0" * 64, 1, None, None, {}, None)


def record(
    status: Status, n: int | None, tried: bool = True, weights: Weights = "trained", setting: str = "fp32"
) -> Record:
    metrics = {} if n is None else {"n_inferences": Value(n)}
    case = Case("m", setting, "onnxruntime-cpu", weights=weights)
    made = Record("run", case.id, case, "x86-64", Verdict(status), metrics, "", 0.0)
    return dataclasses.replace(made, artifact=ARTIFACT) if tried else made


GOOD = record("precise", 10)


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([], EXIT_NOTHING_MEASURED),
        ([record("crashed", None)], EXIT_NOTHING_MEASURED),
        ([record("unsupported", None, tried=False)], EXIT_NOTHING_MEASURED),
        ([GOOD], EXIT_OK),
        ([GOOD, record("contended", 10)], EXIT_OK),
        ([GOOD, record("unsupported", None, tried=False)], EXIT_OK),
        ([GOOD, record("unsupported", None, tried=True)], EXIT_SOME_FAILED),
        ([GOOD, record("unsupported", None, tried=False, weights="user", setting="as-is")], EXIT_SOME_FAILED),
        ([GOOD, record("unsupported", None, tried=True, weights="user", setting="fp32")], EXIT_SOME_FAILED),
        ([GOOD, record("unsupported", None, tried=True, weights="user", setting="int8-dynamic")], EXIT_OK),
        ([GOOD, record("crashed", None, weights="user", setting="int8-dynamic")], EXIT_SOME_FAILED),
        ([GOOD, record("timeout", None)], EXIT_SOME_FAILED),
    ],
)
def test_exit_code(records: list[Record], code: int) -> None:
    assert exit_code(records) == code


def test_a_setting_asked_for_by_name_has_to_be_measured_somewhere() -> None:
    refused = record("unsupported", None, weights="user", setting="int8-static")
    measured = record("precise", 10, weights="user", setting="int8-static")
    assert exit_code([GOOD, refused], ["int8-static"]) == EXIT_SOME_FAILED
    assert exit_code([GOOD, refused, measured], ["int8-static"]) == EXIT_OK
    assert exit_code([GOOD], ["left-out-by-a-filter"]) == EXIT_OK
