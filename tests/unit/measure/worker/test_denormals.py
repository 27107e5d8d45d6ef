"""The 'denormals' phase: which numbers are tiny, and how many inferences it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.measure.worker import denormals as module
from harness.runtimes.base import Batch, Options, Outputs, TensorSpec
from harness.runtimes.onnxruntime.adapter import PLUGINS
from tests.onnx_bytes import FLOAT, network

ONNX = "harness.runtimes.onnxruntime:onnxruntime-cpu"


class Session:
    """Gives back its input times a factor."""

    def __init__(self, factor: float = 1.0, *constants: NDArray[np.float32]) -> None:
        self.inputs = (TensorSpec("x", (1, 4), "float32"),)
        self.factor, self._constants, self.inferences = np.float32(factor), constants, 0

    def prepare(self, batch: Batch) -> None:
        self._x = batch["x"]

    def infer(self) -> None:
        self.inferences += 1

    def fetch(self) -> Outputs:
        return {"y": self._x * self.factor}

    def constants(self) -> Iterator[NDArray[np.float32]]:
        return iter(self._constants)


def phase(session: Session, settings: Mapping[str, str] | None = None, **job: Any) -> dict[str, Any]:
    result, _ = module.denormals(session, Job("denormals", ONNX, "", "", Options(settings=settings or {}), **job))  # type: ignore[arg-type]
    return result


@pytest.mark.parametrize(
    ("values", "tiny", "denormal"),
    [
        ([0.0, -0.0, 1.0, 1e-10], 0, 0),
        ([1.2e-38, -1.2e-38, 1e-19], 3, 0),
        ([1e-39, -1e-45, 2.0], 2, 2),
        ([np.nan, np.inf, -np.inf], 0, 0),
    ],
)
def test_numbers_near_zero_are_counted_by_their_bits(values: list[float], tiny: int, denormal: int) -> None:
    array = np.array(values, np.float32)
    assert (module.count_below(array, 64 << 23), module.count_below(array, 1 << 23)) == (tiny, denormal)
    assert module.count_below(array.astype(np.float64), 64 << 23) == 0


def test_tiny_weights_inputs_and_outputs_are_named(tmp_path: Path) -> None:
    assert phase(Session(1.0, np.ones(5, np.float32)))["tiny"] == ""
    small = np.array([1.0, 1e-30, 1e-39], np.float32)
    assert phase(Session(1.0, small, small))["tiny"] == "4 of its weights are below 1.1e-19"
    assert phase(Session(1e-38))["tiny"] == "its outputs hold denormal numbers"
    np.save(tmp_path / "in.npy", np.full((1, 4), 1e-39, np.float32))
    assert phase(Session(1e37), inputs=str(tmp_path / "in.npy"))["tiny"] == "its inputs hold denormal numbers"


def test_it_takes_six_inferences() -> None:
    session = Session()
    assert phase(session)["median_ns"] > 0
    assert session.inferences == 1 + module.INFERENCES


def test_nothing_is_looked_for_where_the_option_is_on() -> None:
    small = np.array([1e-39], np.float32)
    assert phase(Session(1.0, small), {"session.set_denormal_as_zero": "1"})["tiny"] == ""
    assert phase(Session(1.0, small), {"session.set_denormal_as_zero": "0"})["tiny"] != ""


def tiny_net(path: Path) -> Path:
    weights = np.full((4, 4, 1, 1), 1e-39, np.float32)
    shapes = {"x": (FLOAT, (1, 4, 2, 2))}, {"y": (FLOAT, (1, 4, 2, 2))}
    path.write_bytes(network([("Conv", ["x", "w"], ["y"], {})], *shapes, {"w": weights}))
    return path


def test_onnx_runtime_gives_the_constants_of_a_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    session = PLUGINS[0].open(tiny_net(tmp_path / "net.onnx"), Options())
    (weights,) = session.constants()
    assert np.array_equal(weights.ravel(), np.full(16, 1e-39, np.float32))


def test_openvino_gives_the_constants_of_a_file(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    from harness.runtimes.openvino.adapter import CPU

    session = CPU.open(tiny_net(tmp_path / "net.onnx"), Options())
    assert [array.size for array in session.constants() if module.count_below(array, 1 << 23)] == [16]


def test_the_option_of_the_session_reaches_onnx_runtime(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    options = Options(settings={"session.set_denormal_as_zero": "1"})
    session = PLUGINS[0].open(tiny_net(tmp_path / "net.onnx"), options)
    assert session._facts.settings().get_session_config_entry("session.set_denormal_as_zero") == "1"
    assert session._facts.provider_options == {}
    assert session.info()["session"] == {"session.set_denormal_as_zero": "1"}
