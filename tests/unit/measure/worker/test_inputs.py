"""The inputs of a worker: given images in batches, seeded ones, and the same picture whichever way channels lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.measure.protocol import Job
from harness.measure.worker import inputs as module
from harness.measure.worker import setup
from harness.runtimes.base import Options, SessionError, TensorSpec
from harness.runtimes.null import NullRuntime

SPEC = TensorSpec("x", (-1, 3), "float32")


class Session:
    """All that the feeds need of one."""

    def __init__(self, *inputs: TensorSpec) -> None:
        self.inputs = inputs


def made(spec: TensorSpec, **settings: object) -> list[np.ndarray]:
    job = Job("latency", "null", "", "", **settings)  # type: ignore[arg-type]
    return [batch[spec.name] for batch in module.load_inputs(Session(spec), job)]  # type: ignore[arg-type]


def test_a_batch_holds_neighbouring_images_and_every_image_comes_first_once(tmp_path: Path) -> None:
    np.save(tmp_path / "feeds.npy", np.arange(4 * 3, dtype=np.float32).reshape(4, 3))
    batches = made(SPEC, feeds=str(tmp_path / "feeds.npy"), options=Options(batch=2))
    assert [batch[:, 0].tolist() for batch in batches] == [[0, 3], [3, 6], [6, 9], [9, 0]]


def test_seeded_inputs_differ_from_each_other_and_with_the_seed() -> None:
    first, again, other = made(SPEC), made(SPEC), made(SPEC, seed=1)
    assert len({each.tobytes() for each in first}) == module.N_FEEDS
    assert [each.tobytes() for each in first] == [each.tobytes() for each in again]
    assert not {each.tobytes() for each in first} & {each.tobytes() for each in other}


def test_images_need_one_input() -> None:
    with pytest.raises(SessionError, match=r"one input, this one has 2: \['x', 'y'\]"):
        module.only_input(Session(SPEC, TensorSpec("y", (1,), "float32")))  # type: ignore[arg-type]


def test_a_runtime_is_found_by_module_and_attribute() -> None:
    assert isinstance(setup.adapter(Job("latency", "harness.runtimes.null:null", "", "")), NullRuntime)


def drawn(spec: TensorSpec, reference: TensorSpec | None = None) -> list[np.ndarray]:
    """The probe's inputs for a net of one input, whose reference takes another."""
    job = Job("probe", "null", "", "")
    known = module.signature(Session(reference), job) if reference else ()  # type: ignore[arg-type]
    return [batch[spec.name] for batch, _ in module.probe_inputs(Session(spec), job, known)]  # type: ignore[arg-type]


def test_a_picture_is_the_same_with_channels_first_and_last() -> None:
    first, last = drawn(TensorSpec("x", (1, 3, 6, 5), "float32")), drawn(TensorSpec("x", (1, 6, 5, 3), "float32"))
    np.testing.assert_array_equal(last[7].transpose(0, 3, 1, 2), first[7])


def test_a_quantized_picture_stands_for_the_same_numbers() -> None:
    stored = drawn(TensorSpec("x", (1, 6, 5, 3), "uint8", 1 / 255, 0))[7]
    plain = drawn(TensorSpec("x", (1, 3, 6, 5), "float32"))[7]
    np.testing.assert_allclose(stored.transpose(0, 3, 1, 2) / 255, plain, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    ("own", "reference", "order"),
    [
        ((1, 6, 5, 8), (1, 8, 6, 5), (0, 3, 1, 2)),  # a feature map whose channels a converter moved
        ((1, 100, 40), (1, 40, 100), (0, 2, 1)),
        ((40,), (1, 40), None),
        ((1, 3, 6, 5), (1, 6, 5, 3), (0, 2, 3, 1)),
    ],
)
def test_inputs_are_those_of_the_reference_in_the_layout_of_the_model(
    own: tuple[int, ...], reference: tuple[int, ...], order: tuple[int, ...] | None
) -> None:
    theirs = drawn(TensorSpec("images", reference, "float32"))[3]
    ours = drawn(TensorSpec("x", own, "float32"), TensorSpec("images", reference, "float32"))[3]
    assert ours.shape == own
    np.testing.assert_array_equal(
        ours.transpose(order).reshape(reference) if order else ours.reshape(reference), theirs
    )


def test_inputs_of_several_are_the_same_in_whatever_order_a_converter_put_them() -> None:
    left, right = TensorSpec("left", (1, 4), "float32"), TensorSpec("right", (1, 7), "float32")
    job = Job("probe", "null", "", "")
    known = module.signature(Session(left, right), job)  # type: ignore[arg-type]
    theirs, _ = next(module.probe_inputs(Session(left, right), job))  # type: ignore[arg-type]
    turned = Session(TensorSpec("b", (1, 7), "float32"), TensorSpec("a", (1, 4), "float32"))
    ours, _ = next(module.probe_inputs(turned, job, known))  # type: ignore[arg-type]
    np.testing.assert_array_equal(ours["a"], theirs["left"])
    np.testing.assert_array_equal(ours["b"], theirs["right"])


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (TensorSpec("x", (1, 3, 8, 8), "uint8"), "takes uint8 without a scale, the reference's float32"),
        (TensorSpec("x", (1, 3, 9, 9), "float32"), r"is \[1, 3, 9, 9\], the reference's \[1, 3, 8, 8\]"),
    ],
)
def test_inputs_that_mean_nothing_to_the_reference_are_refused(own: TensorSpec, words: str) -> None:
    with pytest.raises(module.IncompatibleInputs, match=words):
        drawn(own, TensorSpec("x", (1, 3, 8, 8), "float32"))
