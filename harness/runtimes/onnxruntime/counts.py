"""Parameters and MACs of an .onnx file, with the shapes that ONNX Runtime infers.

A session without optimisations writes the graph as it took it in, in ONNX Runtime's own format, which its package can
read (onnxruntime/core/flatbuffers/schema/ort.fbs): no `onnx` is needed.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import format_of
from harness.core.quantity import Missing
from harness.runtimes.graph_counts import (
    Counts,
    Graph,
    Node,
    Rule,
    Rules,
    Shape,
    by_filter,
    by_filter_of_inputs,
    by_rows,
    count,
)

if TYPE_CHECKING:
    import onnxruntime as ort

_FLOAT = 1
"""fp32 of TensorProto.DataType."""
_NO_WEIGHTS = frozenset({7, 8, 9})
"""int64, string and bool of TensorProto.DataType."""
_TENSOR, _NUMBER, _NAME = 1, 1, 2
"""TypeInfoValue.tensor_type, DimensionValueType.VALUE and .PARAM of ort.fbs."""
_SCALE_AND_SHIFT = Rule((1, 2))
_NOT_TOLD = ("If", "Loop", "Scan", "LSTM", "GRU", "RNN", "Einsum", "Attention", "DeformConv")
_MS = "com.microsoft."
_WITHOUT = ("Add", "Mul", "Sigmoid", "LeakyRelu", "AveragePool", "GlobalAveragePool", "Concat", "Softmax")

RULES: Rules = {
    "Conv": Rule((1, 2), by_filter(1)),
    "ConvInteger": Rule((1,), by_filter(1)),
    "QLinearConv": Rule((3, 8), by_filter(3)),
    "ConvTranspose": Rule((1, 2), by_filter_of_inputs(0, 1)),
    "Gemm": Rule((1, 2), by_rows),
    "MatMul": Rule((0, 1), by_rows),
    "MatMulInteger": Rule((0, 1), by_rows),
    "QLinearMatMul": Rule((0, 3), by_rows),
    f"{_MS}QGemm": Rule((3, 6), by_rows),
    f"{_MS}FusedConv": Rule((1, 2), by_filter(1)),
    f"{_MS}FusedGemm": Rule((1, 2), by_rows),
    f"{_MS}FusedMatMul": Rule((0, 1), by_rows),
    f"{_MS}DynamicQuantizeMatMul": Rule((1, 4), by_rows),
    f"{_MS}MatMulIntegerToFloat": Rule((1, 6), by_rows),
    "BatchNormalization": _SCALE_AND_SHIFT,
    "InstanceNormalization": _SCALE_AND_SHIFT,
    "LayerNormalization": _SCALE_AND_SHIFT,
    "GroupNormalization": _SCALE_AND_SHIFT,
    "PRelu": Rule((1,)),
    "Gather": Rule((0,)),
    "Add": Rule((0, 1), least=2),
    **dict.fromkeys(_NOT_TOLD),
    **{f"{_MS}{name}": Rule() for name in ("QuantizeLinear", "DequantizeLinear", "Gelu")},
    **{f"{_MS}QLinear{name}": Rule() for name in _WITHOUT},
}
"""Places of weights and MACs by ONNX operator (onnx.ai/onnx/operators, docs/ContribOperators.md of ONNX Runtime)."""


def counts(model: Path, sizes: dict[str, int]) -> Counts | Missing:
    """Count the file, its symbolic dimensions being `sizes` by their names."""
    with _as_read(model, sizes) as data:
        return count(_graph(data, sizes), RULES)


def constants(model: Path) -> Iterator[NDArray[np.float32]]:
    """Yield the fp32 initializers of the file."""
    with _as_read(model, {}) as data:
        graph = _root(data)
        for place in range(graph.InitializersLength()):
            tensor = graph.Initializers(place)
            if tensor.DataType() == _FLOAT and not tensor.RawDataIsNone():
                yield tensor.RawDataAsNumpy().view(np.float32).copy()


@contextmanager
def _as_read(model: Path, sizes: Mapping[str, int]) -> Iterator[mmap.mmap]:
    """Yield the graph as ONNX Runtime reads it, in its own format."""
    import onnxruntime as ort

    with tempfile.TemporaryDirectory(prefix="edgebench-counts-") as folder:
        out = Path(folder) / "graph.ort"
        settings = ort.SessionOptions()
        settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        settings.optimized_model_filepath = str(out)
        settings.add_session_config_entry("session.save_model_format", "ORT")
        settings.log_severity_level = 3
        if format_of(model) == "ort":
            settings.add_session_config_entry("session.load_model_format", "ORT")
        for name, size in sizes.items():
            settings.add_free_dimension_override_by_name(name, size)
        ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
        with out.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def symbols(session: ort.InferenceSession, inputs: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Return the sizes of the inputs' symbolic dimensions, by name."""
    axes = [pair for node in session.get_inputs() for pair in zip(node.shape, inputs[node.name].shape, strict=True)]
    return {axis: size for axis, size in axes if isinstance(axis, str)}


def _root(data: Any) -> Any:
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    return InferenceSession.GetRootAs(data, 0).Model().Graph()


def _graph(data: Any, sizes: Mapping[str, int]) -> Graph:
    """Return the graph; `sizes` are those of dimensions that are still symbolic, as ONNX Runtime leaves an .ort's."""
    graph = _root(data)
    tensors = [graph.Initializers(place) for place in range(graph.InitializersLength())]
    values = [graph.NodeArgs(place) for place in range(graph.NodeArgsLength())]
    return Graph(
        nodes=[_node(graph.Nodes(place)) for place in range(graph.NodesLength())],
        shapes={value.Name().decode(): shape for value in values if (shape := _shape(value, sizes)) is not None},
        constants={tensor.Name().decode(): tensor.DataType() not in _NO_WEIGHTS for tensor in tensors},
    )


def _node(node: Any) -> Node:
    domain, kind = ((text or b"").decode() for text in (node.Domain(), node.OpType()))
    return Node(
        kind if domain in ("", "ai.onnx") else f"{domain}.{kind}",
        tuple(node.Inputs(place).decode() for place in range(node.InputsLength())),
        tuple(node.Outputs(place).decode() for place in range(node.OutputsLength())),
    )


def _shape(value: Any, sizes: Mapping[str, int]) -> Shape | None:
    """Return a tensor's shape; None for what is no tensor, or has a dimension known only when it runs."""
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.TensorTypeAndShape import TensorTypeAndShape

    kind = value.Type()
    if kind is None or kind.ValueType() != _TENSOR:
        return None
    tensor = TensorTypeAndShape()
    tensor.Init(kind.Value().Bytes, kind.Value().Pos)
    shape = tensor.Shape()
    if shape is None:
        return None
    edges = [_size(shape.Dim(place).Value(), sizes) for place in range(shape.DimLength())]
    return tuple(edge for edge in edges if edge is not None) if None not in edges else None


def _size(edge: Any, sizes: Mapping[str, int]) -> int | None:
    if edge is None or edge.DimType() not in (_NUMBER, _NAME):
        return None
    return int(edge.DimValue()) if edge.DimType() == _NUMBER else sizes.get((edge.DimParam() or b"").decode())
