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


def test_a_picture_is_the_same_with_channels_first_and_last() -> None:
    first, last = (
        module._seeded(TensorSpec("x", shape, "float32"), Options(), np.random.default_rng(7))
        for shape in ((1, 3, 6, 5), (1, 6, 5, 3))
    )
    np.testing.assert_array_equal(last.transpose(0, 3, 1, 2), first)


def test_a_quantised_picture_stands_for_the_same_numbers() -> None:
    spec = TensorSpec("x", (1, 6, 5, 3), "uint8", 1 / 255, 0)
    stored = module._seeded(spec, Options(), np.random.default_rng(7))
    plain = module._seeded(TensorSpec("x", (1, 3, 6, 5), "float32"), Options(), np.random.default_rng(7))
    np.testing.assert_allclose(stored.transpose(0, 3, 1, 2) / 255, plain, atol=0.5 / 255 + 1e-6)
