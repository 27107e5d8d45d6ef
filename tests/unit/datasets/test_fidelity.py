"""A fast wrong answer is not called fast: fidelity to the fp32 reference and the verdict on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.quantity import Missing, Value
from harness.measure.passes.fidelity import wrong_output
from harness.measure.prepared import PreparedCase
from harness.runs.preparation import requested_precision
from harness.runtimes.base import Options
from harness.stats.output_quality import NAMES, compare, wrong_output_reason

REFERENCE = np.random.default_rng(0).normal(size=(32, 10)).astype(np.float32)


def noisy(db: float) -> np.ndarray:
    """The reference with noise of so many decibels below it."""
    noise = np.random.default_rng(1).normal(size=REFERENCE.shape)
    scale = np.sqrt(np.square(REFERENCE).sum() / np.square(noise).sum() / 10 ** (db / 10))
    return (REFERENCE + scale * noise).astype(np.float32)


def prepared(compression: str, precision: str) -> PreparedCase:
    case = Case("net", compression, "some-runtime", weights="user")
    return PreparedCase(
        case, Artifact(Path("m.onnx"), "onnx", "0" * 64, 1), "m:R", Options(), None, precision=precision
    )


def test_the_figures_are_those_of_the_noise() -> None:
    found = compare(noisy(20), REFERENCE)
    assert set(found) == set(NAMES)
    sqnr, cosine, worst, same = (found[name] for name in NAMES)
    assert isinstance(sqnr, Value)
    assert sqnr.value == pytest.approx(20, abs=0.01)
    assert isinstance(cosine, Value)
    assert cosine.value == pytest.approx(1 / np.sqrt(1.01), abs=0.005)
    assert isinstance(worst, Value)
    assert worst.value == pytest.approx(float(np.abs(noisy(20) - REFERENCE).max()))
    assert isinstance(same, Value)
    assert same.n == 32


@pytest.mark.parametrize(
    ("precision", "db", "is_wrong"),
    [("fp32", 100, False), ("fp32", 42, True), ("fp16", 42, False), ("fp16", 20, True), ("bf16", 20, False),
     ("", 12, False), ("", -3, True), ("int8", 12, False)],
)  # fmt: skip
def test_a_plain_net_is_held_to_its_precision(precision: str, db: float, is_wrong: bool) -> None:
    assert bool(wrong_output_reason(precision, compare(noisy(db), REFERENCE))) is is_wrong


def test_an_output_may_be_too_small_as_well_as_too_large() -> None:
    worst = compare(np.float32([[1, -3, 2.5]]), np.float32([[1, 1, 2]]))["fidelity_max_abs"]
    assert worst == Value(4.0, n=1)


def test_outputs_of_the_opposite_sign_are_wrong() -> None:
    found = compare(-REFERENCE, REFERENCE)
    cosine = found["fidelity_cosine"]
    assert isinstance(cosine, Value)
    assert cosine.value == pytest.approx(-1)
    assert "cosine -1.00" in wrong_output_reason("", found)


def test_what_cannot_be_compared_is_not_called_wrong_but_nan_is() -> None:
    other = compare(REFERENCE[:, :3], REFERENCE)
    assert all(isinstance(each, Missing) for each in other.values())
    assert wrong_output_reason("fp32", other) == ""
    broken = REFERENCE.copy()
    broken[3, 3] = np.nan
    assert "1 of 32 outputs are not finite" in wrong_output_reason("", compare(broken, REFERENCE))


@pytest.mark.parametrize(
    ("compression", "precision", "effective", "status"),
    [
        ("fp32", "fp32", "bf16", "wrong-output"),
        ("fp32", "bf16", "bf16", None),
        ("pruned-80", "fp32", "fp32", None),
        ("as-is", "as in the file", "fp32", "wrong-output"),
        ("as-is", "as in the file", "int8", None),
    ],
)
def test_only_rounding_is_expected_of_a_plain_net(
    compression: str, precision: str, effective: str, status: str | None
) -> None:
    ran = Execution(precision, effective)
    found = wrong_output(prepared(compression, precision), ran, compare(noisy(30), REFERENCE))
    assert (found.status if found else None) == status


@pytest.mark.parametrize(
    ("compression", "hint", "expected"),
    [
        ("fp32", "", "fp32"),
        ("fp32", "bf16", "bf16"),
        ("fp16", "fp32", "fp16"),
        ("int8-dynamic", "", "int8"),
        ("int8-weight-only", "", "fp32"),
        ("channel-pruned-50+int8-static", "bf16", "int8"),
        ("int8-qat", "", "int8"),
        ("as-is", "", "as in the file"),
        ("as-is", "fp32", "as in the file"),
        ("as-is", "bf16", "bf16"),
    ],
)
def test_what_a_case_asks_for(compression: str, hint: str, expected: str) -> None:
    assert requested_precision(compression, hint) == expected


def test_findings_name_what_was_otherwise_than_asked() -> None:
    from harness.measure.passes.fidelity import _precision, _threads

    (one,) = _precision(Execution("fp16", "fp32", "the profile"))
    assert one.found.startswith("fp16 was asked for, the runtime computes in fp32")
    assert not _precision(Execution("int8", "int8+fp32"))
    assert not _precision(Execution("fp16", Missing("not told")))
    two = dataclasses.replace(prepared("fp32", "fp32"), options=Options(threads=2))
    (threads,) = _threads(two, Execution(busy_threads=1))
    assert threads.found.startswith("1 thread worked in the timed loop, 2 asked for")
    assert not _threads(two, Execution(busy_threads=2))
    assert not _threads(two, Execution(busy_threads=Missing("no /proc")))
