"""The adapters on real graphs: any shape and type, the outputs of the library's plain call, clear refusals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.runtimes.base import Adapter, Options, Session, SessionError
from harness.runtimes.synthetic import synthetic_batch
from suites.artifacts import catalog
from tests.onnx_bytes import BOOL, FLOAT, INT32, INT64, STRING, UINT8, model

ORT: Adapter = plugins.load("runtimes", "onnxruntime-cpu")
LITERT: Adapter = plugins.load("runtimes", "litert-xnnpack")


def open_session(tmp_path: Path, data: bytes, options: Options | None = None) -> Session:
    (tmp_path / "m.onnx").write_bytes(data)
    return ORT.open(tmp_path / "m.onnx", options or Options())


def run(session: Session, **arrays: np.ndarray) -> np.ndarray:
    session.prepare(arrays)
    session.infer()
    return next(iter(session.fetch().values()))


@pytest.mark.parametrize("element", [FLOAT, UINT8, INT32, INT64, BOOL])
def test_inputs_of_every_type_are_fed_and_come_back(tmp_path: Path, element: int) -> None:
    session = open_session(tmp_path, model("Identity", {"x": (element, [2, 3])}, (element, [2, 3])))
    array = synthetic_batch(session.inputs, Options(), np.random.default_rng(0))[session.inputs[0].name]
    assert (run(session, x=array) == array).all()


def test_a_path_that_is_not_utf_8_is_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"od\xff")
    folder.mkdir()

    with pytest.raises(SessionError, match="opens no file whose path is not UTF-8"):
        open_session(folder, model("Relu", {"x": (FLOAT, [4])}, (FLOAT, [4])))


def test_the_second_input_replaces_the_first(tmp_path: Path) -> None:
    session = open_session(tmp_path, model("Relu", {"x": (FLOAT, [4])}, (FLOAT, [4])))
    assert run(session, x=np.float32([1, 2, 3, 4])).tolist() == [1, 2, 3, 4]
    assert run(session, x=np.float32([-1, 5, -3, 6])).tolist() == [0, 5, 0, 6]


def test_a_model_may_have_several_inputs(tmp_path: Path) -> None:
    session = open_session(tmp_path, model("Add", {"a": (FLOAT, [2]), "b": (FLOAT, [2])}, (FLOAT, [2])))
    assert run(session, a=np.float32([1, 2]), b=np.float32([10, 20])).tolist() == [11, 22]


def test_a_dynamic_dimension_is_the_batch_or_must_be_given(tmp_path: Path) -> None:
    free = model("Relu", {"x": (FLOAT, ["batch", 3, "height", "width"])}, (FLOAT, ["batch", 3, "height", "width"]))
    with pytest.raises(SessionError, match="dimension 2 of input 'x'"):
        open_session(tmp_path, free)
    options = Options(shapes={"x": (2, 3, 8, 6)})
    session = open_session(tmp_path, free, options)
    assert run(session, **synthetic_batch(session.inputs, options, np.random.default_rng(0))).shape == (2, 3, 8, 6)


def test_a_scalar_input_works(tmp_path: Path) -> None:
    session = open_session(tmp_path, model("Relu", {"x": (FLOAT, [])}, (FLOAT, [])))
    assert run(session, x=np.float32(-2.0).reshape(())) == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello", "INVALID_PROTOBUF|not valid|ModelProto"),
        (model("Frobnicate", {"x": (FLOAT, [1])}, (FLOAT, [1])), "Frobnicate"),
        (model("Mystery", {"x": (FLOAT, [1])}, (FLOAT, [1]), domain="com.acme"), "com.acme|Mystery"),
        (model("Identity", {"x": (STRING, [1])}, (STRING, [1])), "string"),
    ],
)
def test_what_cannot_run_is_refused_with_its_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(SessionError, match=reason):
        open_session(tmp_path, data)


def test_a_tflite_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"not a flatbuffer at all")
    with pytest.raises(SessionError, match="cannot run it"):
        LITERT.open(tmp_path / "m.tflite", Options())


def test_both_runtimes_give_one_nets_answer() -> None:
    """The same weights, exported twice, on the same image."""
    answers = []
    for runtime, kind in ((ORT, "onnx"), (LITERT, "tflite")):
        session = runtime.open(catalog.ARTIFACTS / "mobilenet_v2-0.35-32" / f"fp32.{kind}", Options())
        (spec,) = session.inputs
        image = np.random.default_rng(0).random((32, 32), np.float32)
        shape = [1, 1, 32, 32] if kind == "onnx" else [1, 32, 32, 1]
        answers.append(run(session, **{spec.name: image.reshape(shape)}))
    assert np.allclose(answers[0], answers[1], atol=1e-4)


def test_xnnpack_applied_to_the_shipped_net() -> None:
    session = LITERT.open(catalog.ARTIFACTS / "mobilenet_v2-0.35-32" / "fp32.tflite", Options())
    assert session.info()["delegate_nodes"] > 0


def test_a_missing_library_is_said_without_importing_it() -> None:
    from harness.runtimes.base import Capability

    support = Capability(("onnx",), ("no_such_runtime",), "pip install it").support("onnx")
    assert (support.ok, support.reason) == (False, "no_such_runtime is not installed: pip install it")
    assert "takes onnx" in Capability(("onnx",), ("json",)).support("tflite").reason
