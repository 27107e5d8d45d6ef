"""Whether a first dimension is a batch, on sessions that compute a line of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.measure.worker import inspection
from harness.runtimes.base import Batch, Options, Outputs, Session, SessionError, TensorSpec
from harness.runtimes.inputs import concrete_shape

Function = Callable[..., NDArray[Any]]


class Computed(Session):
    """A model that is a function of its inputs."""

    def __init__(self, specs: Mapping[str, tuple[int | str, ...]], function: Function, options: Options) -> None:
        self.inputs = tuple(TensorSpec(name, shape, "float32") for name, shape in specs.items())
        self._function, self._given = function, {}
        for spec in self.inputs:
            concrete_shape(spec, options)

    def prepare(self, batch: Batch) -> None:
        self._given = dict(batch)

    def infer(self) -> None:
        pass

    def fetch(self) -> Outputs:
        return {"y": np.asarray(self._function(**self._given))}

    def info(self) -> dict[str, Any]:
        return {}


def inspected(
    monkeypatch: pytest.MonkeyPatch,
    function: Function,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    **specs: Any,
) -> dict[str, Any]:
    class Adapter:
        def open(self, path: Path, options: Options) -> Session:
            return Computed(specs, function, options)

    monkeypatch.setattr(inspection, "adapter", lambda job: Adapter())
    job = Job("inspect", "x:y", "net.onnx", "out", Options(shapes=shapes or {}))
    result, _ = inspection.inspect(Computed(specs, function, job.options), job)
    return result


def running_sum(x: NDArray[Any]) -> NDArray[Any]:
    """Each step needs those before it, as in a recurrent net."""
    return np.cumsum(x, axis=0)


@pytest.mark.parametrize(
    ("function", "specs", "samples"),
    [
        (lambda x: x.mean(axis=(1, 2, 3)), {"x": (4, 3, 8, 8)}, 4),
        (lambda x: x * 2, {"x": (5, 7)}, 5),
        (lambda x: x * 2, {"x": (16000,)}, 1),
        (running_sum, {"x": (50, 1, 40)}, 1),
        (lambda x: running_sum(x[::-1])[::-1], {"x": (50, 1, 40)}, 1),
        (lambda x: x.T @ np.ones((7, 3)), {"x": (7, 7)}, 1),
        (lambda x: x.mean(axis=0, keepdims=True), {"x": (6, 3, 8, 8)}, 1),
        (lambda x: np.float32(x.sum()), {"x": (4, 3)}, 1),
        (lambda x, table: x + table, {"x": (4, 10), "table": (1, 10)}, 4),
        (lambda x, z: x + z, {"x": (4, 10), "z": (4, 10)}, 4),
        (lambda x: x * 2, {"x": (1, 10)}, 1),
        (lambda x: np.full_like(x, np.nan), {"x": (4, 10)}, 4),
    ],
)
def test_rows_that_are_computed_independently_are_samples(
    monkeypatch: pytest.MonkeyPatch, function: Function, specs: dict[str, tuple[int, ...]], samples: int
) -> None:
    result = inspected(monkeypatch, function, **specs)
    assert result["samples"] == samples
    assert result["unclear"] == result["free"] == []


@pytest.mark.parametrize("name", ["batch", "batch_size", "N", "b", "batch_sequences", "n"])
def test_a_dimension_called_a_batch_is_one(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    result = inspected(monkeypatch, running_sum, x=(name, 8))
    assert (result["free"], result["unclear"]) == (["x"], [])


@pytest.mark.parametrize("name", ["samples", "time", "num_frames", "seq_len", "height", "n_tokens_length"])
def test_a_dimension_called_a_length_is_asked_for(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert inspected(monkeypatch, lambda x: x, x=(name, 3, 8, 8))["unclear"] == ["x"]
    assert inspected(monkeypatch, lambda x: x, {"x": (7, 3, 8, 8)}, x=(name, 3, 8, 8))["unclear"] == []


@pytest.mark.parametrize("name", [-1, "unk__616", "input_dynamic_axes_1", "s0", "dim_0", "rows"])
def test_an_unnamed_dimension_is_a_batch_if_its_rows_are_independent(
    monkeypatch: pytest.MonkeyPatch, name: int | str
) -> None:
    assert inspected(monkeypatch, lambda x: x * 2, x=(name, 8))["unclear"] == []
    assert inspected(monkeypatch, running_sum, x=(name, 8))["unclear"] == ["x"]
    assert inspected(monkeypatch, lambda x: x * 2, x=(name,))["unclear"] == ["x"]
    assert inspected(monkeypatch, lambda x: x.reshape(1, -1), x=(name, 3, 8, 8))["unclear"] == []


def test_a_model_that_takes_no_second_sample_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_alone(x: NDArray[Any]) -> NDArray[Any]:
        if len(x) > 1:
            raise SessionError("the graph reshapes to one row")
        return x

    assert inspected(monkeypatch, one_alone, x=(-1, 8))["unclear"] == ["x"]
