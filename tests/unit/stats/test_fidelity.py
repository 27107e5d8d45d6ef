"""One output against its reference's: figures that are known, and what shows that it cannot be the net's."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from harness.core.quantity import Missing, Value
from harness.stats.fidelity import (
    NAMES,
    OutputFidelity,
    Slice,
    metrics,
)
from harness.stats.output_comparison import NO_NUMBERS, OutputComparison, blocks
from tests.outputs import compare, compared

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=(32, 10)).astype(np.float32)
BOXES = (640 * RNG.random((16, 4, 300))).astype(np.float32)
SCORES = (0.9 * RNG.random((16, 80, 300)) ** 4).astype(np.float32)
DETECTIONS = np.concatenate([BOXES, SCORES], axis=1)[:, None]


def noisy(db: float) -> np.ndarray:
    """The reference with noise of so many decibels below it."""
    noise = np.random.default_rng(1).normal(size=REFERENCE.shape)
    scale = np.sqrt(np.square(REFERENCE).sum() / np.square(noise).sum() / 10 ** (db / 10))
    return (REFERENCE + scale * noise).astype(np.float32)


def value(found: object) -> float:
    assert isinstance(found, Value), found
    return found.value


def test_the_figures_are_those_of_the_noise() -> None:
    found = compare(noisy(20), REFERENCE)
    assert set(found) == set(NAMES)
    sqnr, cosine, worst, same = (found[name] for name in NAMES)
    assert value(sqnr) == pytest.approx(20, abs=0.01)
    assert value(cosine) == pytest.approx(1 / np.sqrt(1.01), abs=0.005)
    assert value(worst) == pytest.approx(float(np.abs(noisy(20) - REFERENCE).max()))
    assert isinstance(same, Value)
    assert same.n == 32


@pytest.mark.parametrize(
    ("precision", "db", "is_wrong"),
    [("fp32", 100, False), ("fp32", 42, True), ("fp16", 42, False), ("fp16", 20, True), ("bf16", 20, False),
     ("", 12, False), ("", -3, True), ("int8", 12, False)],
)  # fmt: skip
def test_a_plain_net_is_held_to_its_precision(precision: str, db: float, is_wrong: bool) -> None:
    assert bool(compared(noisy(db), REFERENCE).fault(precision)) is is_wrong


def test_an_output_may_be_too_small_as_well_as_too_large() -> None:
    worst = compare(np.float32([[1, -3, 2.5]]), np.float32([[1, 1, 2]]))["fidelity_max_abs"]
    assert worst == Value(4.0, n=1)


def test_outputs_of_the_opposite_sign_are_wrong() -> None:
    assert value(compare(-REFERENCE, REFERENCE)["fidelity_cosine"]) == pytest.approx(-1)
    assert "output 'y': cosine -1.00" in compared(-REFERENCE, REFERENCE).fault("")


@pytest.mark.parametrize("precision", ["fp32", ""])
def test_zeros_are_wrong_where_the_reference_has_other_values(precision: str) -> None:
    zeros = compared(np.zeros_like(SCORES), SCORES, "scores")
    assert zeros.fault(precision) == "output 'scores' is zero for all 16 inputs, the fp32 reference's is not"
    assert value(metrics([zeros])["fidelity_cosine"]) == 0.0
    assert value(metrics([zeros])["fidelity_sqnr_db"]) == 0.0


def test_zeros_for_what_eight_bits_cannot_hold_are_no_fault_of_a_quantized_net() -> None:
    small = compared(np.zeros_like(SCORES), SCORES / 100)
    assert small.fault("") == ""
    assert small.fault("fp32") != "", "a plain net has no scale that would round them away"


def test_zeros_on_both_sides_show_nothing_and_are_no_fault() -> None:
    both = compared(np.zeros_like(SCORES), np.zeros_like(SCORES))
    assert both.fault("fp32") == ""
    assert both.cosine is None


def test_the_worst_output_counts_and_is_named() -> None:
    outputs = [compared(BOXES, BOXES, "boxes"), compared(SCORES[::-1], SCORES, "scores")]
    found = metrics(outputs)
    assert value(found["fidelity_cosine"]) == pytest.approx(outputs[1].cosine)
    assert outputs[0].fault("") == ""
    assert outputs[1].fault("").startswith("output 'scores': cosine")


@pytest.mark.parametrize("axis", ["first", "last"])
@pytest.mark.parametrize("precision", ["fp32", ""])
def test_a_tensor_that_mixes_scales_is_compared_slice_by_slice(axis: str, precision: str) -> None:
    """Boxes in pixels outweigh scores: with all of them zero the cosine of the whole is 1.00."""
    reference = DETECTIONS if axis == "first" else DETECTIONS.swapaxes(2, 3)
    broken = DETECTIONS.copy()
    broken[:, :, 4:] = 0
    broken = broken if axis == "first" else broken.swapaxes(2, 3)
    found = compared(broken, reference)
    assert found.cosine == pytest.approx(1.0, abs=1e-5)
    assert "cosine 0.00 to the fp32 reference in slice" in found.fault(precision)
    assert compared(reference, reference).fault(precision) == ""


def test_one_dead_channel_of_many_is_found() -> None:
    broken = DETECTIONS.copy()
    broken[:, :, 50] = 0
    assert "in slice 50 of axis 0" in compared(broken, DETECTIONS).fault("fp32")


def test_scores_of_classes_that_no_image_shows_may_be_rounded_away() -> None:
    rare = SCORES.copy()
    rare[:, 40:] *= 1e-3
    rounded = np.round(rare * 255) / 255
    assert (rounded[:, 40:] == 0).all()
    assert compared(rounded.astype(np.float32), rare).fault("") == ""


def test_a_value_of_a_row_of_mixed_scales_is_judged_in_a_plain_net() -> None:
    """One detection as a row: four coordinates in pixels and a score."""
    rows = np.concatenate([BOXES[:, :, 0], SCORES[:, 0, :1] + 0.1], axis=1)
    broken = rows.copy()
    broken[:, 4] = 0
    assert "in value 4" in compared(broken, rows).fault("fp32")
    assert compared(rows, rows).fault("fp32") == ""


def test_weak_channels_of_a_quantized_feature_map_are_no_fault() -> None:
    features = np.abs(RNG.normal(size=(8, 1, 96, 7, 7))).astype(np.float32)
    features[:, :, ::5] *= 1e-4
    rounded = np.round(features / features.max() * 255) / 255 * features.max()
    assert compared(rounded.astype(np.float32), features).fault("") == ""


@pytest.mark.parametrize(("bad", "words"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_what_is_not_finite_is_named_with_the_input_it_begins_at(bad: float, words: str) -> None:
    broken = REFERENCE.copy()
    broken[3:5, 2] = bad
    reference = REFERENCE.copy()
    reference[:, 2] = 2.0
    found = compared(broken, reference)
    assert found.fault("") == f"output 'y' is not finite: {words} from input 3 on, in 2 of 32 inputs"
    assert all(isinstance(one, Missing) for one in metrics([found]).values())


def test_a_class_that_both_mask_is_no_fault_and_no_part_of_the_figures() -> None:
    own, reference = noisy(20), REFERENCE.copy()
    own[:, 2], reference[:, 2] = -np.inf, -np.inf
    found = compared(own, reference)
    assert found.fault("") == ""
    assert value(metrics([found])["fidelity_sqnr_db"]) == pytest.approx(20, abs=1)


def test_minus_infinity_below_all_others_is_the_logarithm_of_zero() -> None:
    reference = np.log(np.float32([[1e-40, 0.3, 0.7]]).clip(1e-45))
    own = np.array([[-np.inf, *reference[0, 1:]]], np.float32)
    assert compared(own, reference).fault("fp32") == ""
    turned = np.array([[reference[0, 0], -np.inf, reference[0, 2]]], np.float32)
    assert "-inf from input 0 on" in compared(turned, reference).fault("")


@pytest.mark.parametrize(
    ("row", "broken"),
    [([0, np.nan], True), ([0, np.inf], True), ([0, -np.inf], False), ([-np.inf, -np.inf], True), ([1, 2], False)],
)
def test_outputs_without_a_reference_need_a_best_class(row: list[float], broken: bool) -> None:
    alone = OutputComparison("y")
    alone.add(np.float32([row]), None)
    assert bool(alone.result().fault("")) is broken


def test_a_reference_that_is_not_finite_where_this_is_gives_no_fault() -> None:
    reference = REFERENCE.copy()
    reference[0, 0] = np.nan
    assert compared(REFERENCE, reference).fault("") == ""


def test_integers_are_compared_by_how_many_are_equal() -> None:
    ids = np.arange(40).reshape(8, 5)
    assert compared(ids, ids).fault("fp32") == ""
    other = np.where(ids % 3 == 0, ids, ids + 7)
    found = compared(other, ids)
    assert found.equal == pytest.approx(14 / 40)
    assert found.fault("") == "output 'y': 35% of its values are the fp32 reference's, 50% expected of any setting"
    assert metrics([found])["fidelity_sqnr_db"] == Missing("the outputs are integers")


def test_values_that_are_no_numbers_are_not_compared() -> None:
    found = compared([np.array(["cat"])], [np.array(["cat"])])
    assert found.reason == NO_NUMBERS
    assert found.fault("fp32") == ""
    assert metrics([found])["fidelity_cosine"] == Missing("output 'y': does not hold numbers")


def test_rows_whose_number_depends_on_the_input_are_compared_where_it_is_the_same() -> None:
    rows = [np.ones((n, 4), np.float32) for n in (3, 0, 5)]
    others = [np.ones((n, 4), np.float32) for n in (3, 0, 6)]
    found = compared(rows, others)
    assert (found.n, found.cosine, found.fault("fp32")) == (2, pytest.approx(1.0), "")
    apart = compared(rows[2:], others[2:])
    assert apart.reason == "[5, 4] values, the reference has [6, 4] (input 0)"


def test_dimensions_of_one_do_not_matter() -> None:
    assert compared(REFERENCE, REFERENCE[:, None, :, None]).cosine == pytest.approx(1.0)


def test_what_the_reference_does_not_repeat_is_not_judged_unless_it_is_zero() -> None:
    other = np.random.default_rng(9).normal(size=REFERENCE.shape).astype(np.float32)
    apart = dataclasses.replace(compared(other, REFERENCE), repeatable=False)
    assert apart.fault("fp32") == ""
    found = metrics([apart])["fidelity_cosine"]
    assert isinstance(found, Missing)
    assert found.reason == "not repeatable: the reference gives another output 'y' for the same input"
    still = dataclasses.replace(compared(REFERENCE, REFERENCE), repeatable=False)
    assert value(metrics([still])["fidelity_cosine"]) == pytest.approx(1.0), "a net with a state"
    zero = dataclasses.replace(compared(np.zeros_like(other), REFERENCE), repeatable=False)
    assert "is zero" in zero.fault("")


def test_a_large_output_is_taken_in_blocks_that_cover_it_once() -> None:
    shape = (3, 70, 50)
    seen = np.zeros(shape, int)
    for place in blocks(shape, most=600):
        assert seen[place].size <= 600
        seen[place] += 1
    assert (seen == 1).all()
    assert list(blocks((0, 4))) == []
    assert list(blocks(())) == [()]


def test_figures_do_not_depend_on_how_an_output_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (DETECTIONS + RNG.normal(size=DETECTIONS.shape)).astype(np.float32)
    whole = compared(own, DETECTIONS)
    monkeypatch.setattr("harness.stats.output_comparison.blocks", lambda shape: blocks(shape, 700))
    cut = compared(own, DETECTIONS)
    assert cut.sqnr_db == pytest.approx(whole.sqnr_db)
    assert [one.index for one in cut.slices] == [one.index for one in whole.slices]


def test_it_survives_json() -> None:
    found = compared(noisy(20), REFERENCE)
    assert OutputFidelity.from_json(json.loads(json.dumps(dataclasses.asdict(found)))) == found
    assert all(isinstance(one, Slice) for one in found.slices)
