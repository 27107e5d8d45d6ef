"""Models with state: what carries over is named, and reset to its initial value; no session does it unasked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.runtimes.base import Adapter, Options, Session
from harness.runtimes.torch import executorch
from tests.tflite_bytes import MEMORY, TWO, Signature, model, resource_variable, two_signatures, variable_tensor

LITERT = ("litert-xnnpack", "litert-reference")


def running_sum(path: Path) -> Path:
    """An OpenVINO model that gives x + 10 times the x of the inference before, by ReadValue and Assign."""
    ov: Any = pytest.importorskip("openvino")
    op: Any = ov.opset13
    info = ov.op.util.VariableInfo()
    info.data_shape, info.data_type, info.variable_id = ov.PartialShape([1, 1]), ov.Type.f32, "last"
    variable = ov.op.util.Variable(info)
    x = op.parameter([1, 1], ov.Type.f32, name="x")
    before = op.read_value(op.constant(np.zeros((1, 1), np.float32)), variable)
    result = op.result(op.add(x, op.multiply(before, np.float32(10))))
    now = op.relu(x)  # OpenVINO 2026.4 itself is wrong where the input is assigned as it is
    ov.save_model(ov.Model([result], [op.assign(now, variable)], [x], "sum"), path, compress_to_fp16=False)
    return path


def stateful(folder: Path, runtime: str, kind: str) -> Session:
    adapter: Adapter = plugins.load("runtimes", runtime)
    if runtime == "openvino-cpu":
        return adapter.open(running_sum(folder / "m.xml"), Options())
    path = folder / "m.tflite"
    path.write_bytes(variable_tensor() if kind == "tensor" else resource_variable())
    return adapter.open(path, Options())


def outputs(session: Session, *values: float, reset: bool) -> list[float]:
    found = []
    for value in values:
        if reset:
            session.reset_state()
        session.prepare({session.inputs[0].name: np.float32([[value]])})
        session.infer()
        found.append(float(next(iter(session.fetch().values())).item()))
    return found


CASES = [("openvino-cpu", "tensor", ("last",), [1, 12, 23, 34])]
CASES += [(name, "tensor", ("memory",), [1, 12, 23, 34]) for name in LITERT]
CASES += [(name, "resource", ("total",), [1, 3, 6, 10]) for name in LITERT]


@pytest.mark.parametrize(("runtime", "kind", "names", "carried"), CASES)
def test_state_is_named_carries_over_and_is_reset(
    tmp_path: Path, runtime: str, kind: str, names: tuple[str, ...], carried: list[float]
) -> None:
    session = stateful(tmp_path, runtime, kind)
    assert session.state == names
    assert outputs(session, 1, 2, 3, 4, reset=False) == carried
    assert outputs(session, 1, 2, 3, 4, reset=True) == [1, 2, 3, 4]
    (finding,) = session.findings()
    assert finding.check == "state"
    assert f"({names[0]})" in finding.found


@pytest.mark.parametrize("runtime", ["litert-xnnpack", "openvino-cpu", "onnxruntime-cpu"])
def test_a_model_without_state_says_nothing_and_reset_changes_nothing(tmp_path: Path, runtime: str) -> None:
    from tests.onnx_models import T, helper, save, tensor

    adapter: Adapter = plugins.load("runtimes", runtime)
    if runtime == "litert-xnnpack":
        path = tmp_path / "m.tflite"
        path.write_bytes(two_signatures())
    else:
        node = helper.make_node("Add", ["x", "x"], ["y"])
        path = save(tmp_path / "m.onnx", [node], [tensor("x", T.FLOAT, [1, 4])], [tensor("y", T.FLOAT, [1, 4])])
    session = adapter.open(path, Options(signature="double" if runtime == "litert-xnnpack" else ""))
    session.prepare({session.inputs[0].name: np.float32([[1, 2, 3, 4]])})
    session.reset_state()
    session.infer()
    (doubled,) = session.fetch().values()
    assert doubled.tolist() == [[2, 4, 6, 8]]
    assert (session.state, session.findings()) == ((), ())


@pytest.mark.parametrize("runtime", LITERT)
def test_the_state_of_other_signatures_is_none_of_a_signature(tmp_path: Path, runtime: str) -> None:
    """LiteRT resets the variables of all graphs at once, and fails where one of them was not allocated."""
    adapter: Adapter = plugins.load("runtimes", runtime)
    path = tmp_path / "m.tflite"
    graphs = {"double": (TWO[0], 1), "first": (MEMORY, 4), "second": (MEMORY, 4)}
    names = [Signature(name, place, {"x": 0}, {"y": out}) for place, (name, (_, out)) in enumerate(graphs.items())]
    path.write_bytes(model(*(graph for graph, _ in graphs.values()), signatures=names))
    for name, state, carried in (("double", (), [2, 4, 6]), ("first", ("memory",), [1, 12, 23])):
        width = 4 if name == "double" else 1
        found = {}
        for reset in (False, True):
            session = adapter.open(path, Options(signature=name))
            assert session.state == state
            found[reset] = []
            for value in (1, 2, 3):
                if reset:
                    session.reset_state()
                session.prepare({"x": np.full((1, width), value, np.float32)})
                session.infer()
                found[reset].append(session.fetch()["y"].ravel()[0])
        assert found == {False: carried, True: [2, 4, 6] if name == "double" else [1, 2, 3]}


def test_buffers_in_planned_memory_with_a_value_to_start_from_are_state() -> None:
    """As executorch's schema has them (exir/schema.py, Tensor)."""
    named = SimpleNamespace(fully_qualified_name="cache")
    values = [
        SimpleNamespace(allocation_info=None, data_buffer_idx=3, extra_tensor_info=None),
        SimpleNamespace(allocation_info="planned", data_buffer_idx=0, extra_tensor_info=None),
        SimpleNamespace(allocation_info="planned", data_buffer_idx=0, extra_tensor_info=named),
        SimpleNamespace(allocation_info="planned", data_buffer_idx=2, extra_tensor_info=None),
        SimpleNamespace(int_val=1),
    ]
    assert executorch._mutable(values) == ("cache", "buffer")
