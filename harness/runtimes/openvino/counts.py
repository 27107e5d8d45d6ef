"""Parameters and MACs of a net that OpenVINO has read, from its operators and their shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    import openvino as ov

_NOT_TOLD = ("LSTMSequence", "LSTMCell", "GRUSequence", "GRUCell", "RNNSequence", "RNNCell", "If", "Loop",
              "TensorIterator", "Einsum", "ScaledDotProductAttention", "DeformableConvolution")  # fmt: skip

RULES: Rules = {
    "Convolution": Rule((1,), by_filter(1)),
    "GroupConvolution": Rule((1,), by_filter(1, 2)),
    "ConvolutionBackpropData": Rule((1,), by_filter_of_inputs(0, 1)),
    "GroupConvolutionBackpropData": Rule((1,), by_filter_of_inputs(0, 1, 2)),
    "MatMul": Rule((0, 1), by_rows),
    "PRelu": Rule((1,)),
    "Gather": Rule((0,)),
    "Add": Rule((0, 1), least=2),
    **dict.fromkeys(_NOT_TOLD),
}
"""Places of weights and MACs by operation (docs.openvino.ai, operation sets); biases are added in one of their own."""


def counts(model: ov.Model) -> Counts | Missing:
    """Count a model whose dynamic dimensions have been given sizes."""
    operations = model.get_ordered_ops()
    shapes = {
        _name(port): shape for each in operations for port in each.outputs() if (shape := _shape(port)) is not None
    }
    constants = {
        _name(each.output(0)): each.get_element_type().get_type_name() not in ("i64", "boolean", "string")
        for each in operations
        if each.get_type_name() == "Constant"
    }
    return count(Graph([_node(each) for each in operations], shapes, constants), RULES)


def _node(operation: Any) -> Node:
    """Convert an operation; of a reshape only its first input: a bias takes its new shape from the activations."""
    kind = operation.get_type_name()
    inputs = tuple(_name(port.get_source_output()) for port in operation.inputs())
    return Node(kind, inputs[:1] if kind == "Reshape" else inputs, tuple(map(_name, operation.outputs())))


def _name(port: Any) -> str:
    return f"{port.get_node().get_name()}:{port.get_index()}"


def _shape(port: Any) -> Shape | None:
    return tuple(int(edge) for edge in port.get_shape()) if port.get_partial_shape().is_static else None
