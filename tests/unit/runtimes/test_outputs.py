"""Outputs that change their shape, are empty, or are no tensors: right values on every runtime that takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.core.artifact import format_of
from harness.core.execution import OperatorProfile
from harness.runtimes.base import Adapter, Options, Outputs, Session, SessionError
from harness.runtimes.graph_counts import Counts
from harness.runtimes.outputs import is_numeric, named_arrays, unique_names
from tests.onnx_models import T, classifier, detector, helper, save, splitter, tensor

ORT: Adapter = plugins.load("runtimes", "onnxruntime-cpu")
OPENVINO: Adapter = plugins.load("runtimes", "openvino-cpu")


def outputs(session: Session, **arrays: np.ndarray) -> Outputs:
    session.prepare(arrays)
    session.infer()
    return session.fetch()


def boxes(n: int) -> dict[str, np.ndarray]:
    """Sixteen boxes beside each other, `n` of them with a score that passes."""
    left = np.arange(16, dtype=np.float32) * 2
    corners = np.stack([np.zeros(16), left, np.ones(16), left + 1], axis=1).astype(np.float32)
    return {"boxes": corners[None], "scores": np.float32([0.9] * n + [0.1] * (16 - n)).reshape(1, 1, 16)}


@pytest.mark.parametrize("runtime", [ORT, OPENVINO], ids=["onnxruntime", "openvino"])
def test_rows_that_depend_on_the_input_are_those_of_that_input(tmp_path: Path, runtime: Adapter) -> None:
    session = runtime.open(detector(tmp_path / "nms.onnx", 0.5), Options())
    for n in (3, 5, 0, 4):
        (selected,) = outputs(session, **boxes(n)).values()
        rows = selected[selected[:, 0] >= 0]  # OpenVINO pads with -1
        assert sorted(rows[:, 2].tolist()) == list(range(n))


def test_the_session_says_that_its_outputs_are_not_bound_and_why(tmp_path: Path) -> None:
    session = ORT.open(detector(tmp_path / "nms.onnx", 2.0), Options())
    assert outputs(session, **boxes(3))["selected"].shape == (0, 3)
    assert session.info()["outputs"] == "not bound: the shape of output 'selected' depends on the input's values"
    (finding,) = session.findings()
    assert (finding.check, finding.status) == ("outputs", "warn")
    assert "allocated by every inference" in finding.found


def test_outputs_of_fixed_shape_stay_bound(tmp_path: Path) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    shape = ["N", 4]
    path = save(tmp_path / "m.onnx", [relu], [tensor("x", T.FLOAT, shape)], [tensor("y", T.FLOAT, shape)])
    session = ORT.open(path, Options(batch=2))
    assert outputs(session, x=np.float32([[-1, 2, 3, 4]] * 2))["y"].tolist() == [[0, 2, 3, 4]] * 2
    assert session.info()["outputs"] == "bound"
    assert session.findings() == ()


def test_a_shape_other_than_the_declared_one_is_noticed_and_still_right(tmp_path: Path) -> None:
    node = helper.make_node("NonZero", ["x"], ["y"])
    path = save(tmp_path / "m.onnx", [node], [tensor("x", T.FLOAT, [4])], [tensor("y", T.INT64, [1, 4])])
    session = ORT.open(path, Options())
    assert outputs(session, x=np.float32([1, 1, 1, 1]))["y"].tolist() == [[0, 1, 2, 3]]
    assert outputs(session, x=np.float32([0, 1, 0, 1]))["y"].tolist() == [[1, 3]]
    assert outputs(session, x=np.float32([0, 0, 1, 0]))["y"].tolist() == [[2]]
    assert session.info()["outputs"] == "not bound: an output has another shape than the graph declares"


@pytest.mark.parametrize("labels", [(), ("cat", "dog", "owl")], ids=["numbers", "names"])
def test_probabilities_of_a_zipmap_are_rows_of_classes(tmp_path: Path, labels: tuple[str, ...]) -> None:
    session = ORT.open(classifier(tmp_path / "m.onnx", labels), Options(batch=2))
    fetched = outputs(session, x=np.float32([[0, 0, 2], [1, 0, 0]]))
    assert fetched["label"].tolist() == (["owl", "cat"] if labels else [2, 0])
    e = np.exp([[0.0, 0, 2], [1, 0, 0]])
    np.testing.assert_allclose(fetched["probabilities"], e / e.sum(axis=1, keepdims=True), rtol=1e-5)


def test_strings_are_text_and_no_numbers(tmp_path: Path) -> None:
    session = ORT.open(classifier(tmp_path / "m.onnx", ("cat", "dog", "owl"), zipped=False), Options())
    fetched = outputs(session, x=np.float32([[0, 3, 0]]))
    assert fetched["label"].tolist() == ["dog"]
    assert [is_numeric(array) for array in fetched.values()] == [False, True]


def test_elements_of_a_sequence_are_outputs_of_their_own(tmp_path: Path) -> None:
    session = ORT.open(splitter(tmp_path / "m.onnx"), Options())
    fetched = outputs(session, x=np.float32([[3, 4]]))
    assert {name: array.tolist() for name, array in fetched.items()} == {"parts.0": [[3]], "parts.1": [[4]]}


def test_what_is_no_plain_tensor_is_profiled_too(tmp_path: Path) -> None:
    session = ORT.open(classifier(tmp_path / "m.onnx"), Options())
    outputs(session, x=np.float32([[0, 3, 0]]))
    profile = session.profile(3)
    assert "LinearClassifier" in {operator.type for operator in profile.operators}  # type: ignore[union-attr]


def test_two_outputs_of_one_name_are_both_there(tmp_path: Path) -> None:
    twice = [tensor("y", T.FLOAT, [2])] * 2
    path = save(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], [tensor("x", T.FLOAT, [2])], twice)
    fetched = outputs(ORT.open(path, Options()), x=np.float32([-1, 1]))
    assert {name: array.tolist() for name, array in fetched.items()} == {"y#0": [0, 1], "y#1": [0, 1]}


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_type_that_numpy_lacks_is_refused_with_what_to_do(tmp_path: Path, direction: str) -> None:
    elements = (T.BFLOAT16, T.FLOAT) if direction == "input" else (T.FLOAT, T.BFLOAT16)
    node = helper.make_node("Cast", ["x"], ["y"], to=elements[1])
    path = save(tmp_path / "m.onnx", [node], [tensor("x", elements[0], [2])], [tensor("y", elements[1], [2])])
    with pytest.raises(SessionError, match=f"{direction} '[xy]' has type tensor.bfloat16., which no array") as raised:
        ORT.open(path, Options())
    assert raised.value.remedy


def test_names_are_made_unique_and_others_stay() -> None:
    assert unique_names(["a", "b"], "input") == ["a", "b"]
    assert unique_names(["", ""], "input") == ["input0", "input1"]
    assert unique_names(["a", "a", "b"], "input") == ["a#0", "a#1", "b"]
    assert len(set(unique_names(["input1", ""], "input"))) == 2


class Tensor:
    """A tensor of a library that is not NumPy's."""

    def __init__(self, *values: float) -> None:
        self.values = values


def test_containers_of_any_depth_become_named_arrays() -> None:
    value = {"boxes": [Tensor(1, 2), Tensor()], "score": Tensor(0.5), "none": None, "n": 3}
    arrays = named_arrays(["out"], [value], lambda each: np.array(each.values))
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "out.boxes.0": [1, 2],
        "out.boxes.1": [],
        "out.score": [0.5],
        "out.none": [],
        "out.n": 3,
    }


def test_maps_of_other_keys_are_their_values() -> None:
    (array,) = named_arrays(["out"], [[{"a": 1.0}, {"b": 2.0, "a": 3.0}]]).values()
    assert array.tolist() == [1, 3, 2]


def test_ports_of_openvino_without_names_or_with_one_name_are_kept_apart(tmp_path: Path) -> None:
    ov: Any = pytest.importorskip("openvino")
    a, b = (ov.opset13.parameter([1, 2], ov.Type.f32) for _ in range(2))
    difference = ov.opset13.subtract(a, b)
    results = [ov.opset13.result(difference), ov.opset13.result(difference), ov.opset13.result(ov.opset13.relu(a))]
    ov.save_model(ov.Model(results, [a, b], "m"), tmp_path / "m.xml", compress_to_fp16=False)
    session = OPENVINO.open(tmp_path / "m.xml", Options())
    first, second = (spec.name for spec in session.inputs)
    assert first != second
    fetched = outputs(session, **{first: np.float32([[5, 6]]), second: np.float32([[1, 2]])})
    assert [array.tolist() for array in fetched.values()] == [[[4, 4]], [[4, 4]], [[5, 6]]]


def to_ort(source: Path, made: Path) -> None:
    """Convert an .onnx as onnxruntime.tools.convert_onnx_models_to_ort does for phones."""
    ort: Any = pytest.importorskip("onnxruntime")
    settings = ort.SessionOptions()
    settings.optimized_model_filepath = str(made)
    settings.add_session_config_entry("session.save_model_format", "ORT")
    settings.log_severity_level = 3
    ort.InferenceSession(
        str(source), settings, providers=["CPUExecutionProvider"], disabled_optimizers=["NchwcTransformer"]
    )


def test_fused_operators_of_an_ort_file_are_counted_as_those_they_were(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "g"], ["q"]),
        helper.make_node("Relu", ["q"], ["y"]),
    ]
    weights = {"w": np.ones((8, 3, 3, 3), np.float32), "g": np.ones((8, 4), np.float32)}
    declared = [tensor("x", T.FLOAT, ["N", 3, 8, 8])], [tensor("y", T.FLOAT, ["N", 4])]
    source = save(tmp_path / "m.onnx", nodes, *declared, weights)
    to_ort(source, tmp_path / "m.ort")
    session = ORT.open(tmp_path / "m.ort", Options(batch=2))
    kernels = session.profile(1)
    assert isinstance(kernels, OperatorProfile)
    assert {"FusedConv", "FusedGemm"} <= {one.type for one in kernels.operators}
    wanted = Counts(8 * 27 + 32, 2 * (8 * 64 * 27 + 32))
    assert [ORT.open(path, Options(batch=2)).counts() for path in (source, tmp_path / "m.ort")] == [wanted, wanted]


@pytest.mark.parametrize("name", ["m.ort", "m.onnx"])
def test_a_file_in_onnxruntimes_own_format_runs_whatever_its_name(tmp_path: Path, name: str) -> None:
    shape = ["N", 2]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    declared = [tensor("x", T.FLOAT, shape)], [tensor("y", T.FLOAT, shape)]
    source = save(tmp_path / "source.onnx", nodes, *declared, {"w": np.float32([[0, 1], [2, 0]])})
    to_ort(source, tmp_path / "made.ort")
    path = (tmp_path / "made.ort").rename(tmp_path / name)
    assert format_of(path) == "ort"
    session = ORT.open(path, Options(batch=3))
    assert outputs(session, x=np.float32([[1, 10]] * 3))["y"].tolist() == [[20, 1]] * 3
    assert session.counts() == Counts(4, 3 * 4)
    assert session.execution().effective == "fp32"
    assert not OPENVINO.support("ort").ok


def test_a_damaged_ort_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "m.ort").write_bytes(b"\x14\0\0\0ORTM" + b"\x0c" * 60)
    with pytest.raises(SessionError) as raised:
        ORT.open(tmp_path / "m.ort", Options())
    assert raised.value.remedy == "the .ort is damaged or of another release: convert the .onnx again"


@pytest.mark.parametrize("element", ["bf16", "i4", "u4", "f8e4m3", "string"])
def test_types_that_no_array_has_are_refused_by_openvino(tmp_path: Path, element: str) -> None:
    """OpenVINO itself takes an array of another type for them, whose numbers are others."""
    ov: Any = pytest.importorskip("openvino")
    x = ov.opset13.parameter([4], getattr(ov.Type, element), name="x")
    ov.save_model(ov.Model([ov.opset13.result(x)], [x], "m"), tmp_path / "m.xml", compress_to_fp16=False)
    with pytest.raises(SessionError, match=f"input 'x' has type {element}, which no array can hold"):
        OPENVINO.open(tmp_path / "m.xml", Options())


@pytest.mark.parametrize(("element", "held"), [("FLOAT16", True), ("BFLOAT16", True), ("FLOAT8E4M3FN", False)])
def test_outputs_of_openvino_have_the_values_of_their_type(tmp_path: Path, element: str, held: bool) -> None:
    node = helper.make_node("Cast", ["x"], ["y"], to=getattr(T, element))
    declared = [tensor("x", T.FLOAT, [3])], [tensor("y", getattr(T, element), [3])]
    path = save(tmp_path / "m.onnx", [node], *declared, opset=21)
    if held:
        assert outputs(OPENVINO.open(path, Options()), x=np.float32([1, -2.5, 384]))["y"].tolist() == [1, -2.5, 384]
    else:
        with pytest.raises(SessionError, match="output 'y' has type f8e4m3"):
            OPENVINO.open(path, Options())
