"""Look at every activation of a model on a picture: a net may answer sanely and still compute with dead layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from suites.skeletons.check import batch_of, open_model

Array = NDArray[Any]

SMALLEST_STD, LARGEST_STD = 1e-3, 1e3
_PADDING = ("PAD", "PADV2")
"""LiteRT operators that only surround their input, before a maximum with minus infinity: no layer computes it."""
_SMALLEST_NORMAL = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Activations:
    """What was seen over all layers: number of tensors, range of their standard deviations, values that must not be."""

    tensors: int
    least_std: float
    largest_std: float
    not_finite: int
    denormal: int

    def __str__(self) -> str:
        return (
            f"{self.tensors} activations of std {self.least_std:.3g} to {self.largest_std:.3g}, "
            f"{self.not_finite} values not finite, {self.denormal} denormal"
        )

    @property
    def sane(self) -> bool:
        """Whether no layer vanishes, overflows or computes with denormal numbers."""
        deviations_fit = self.least_std >= SMALLEST_STD and self.largest_std <= LARGEST_STD
        return deviations_fit and not self.not_finite and not self.denormal


def activations(path: Path, picture: NDArray[np.float32]) -> Activations:
    """Run one picture (channels x height x width) through the model and look at every tensor of real numbers."""
    spec = open_model(path).inputs[0]
    feed = spec.encode(batch_of(picture, spec.shape))
    tensors = _onnx(path, feed) if path.suffix == ".onnx" else _litert(path, feed)
    return _summary([tensor.astype(np.float32) for tensor in tensors if tensor.size > 1])


def _summary(values: list[NDArray[np.float32]]) -> Activations:
    deviations = [float(value.std()) for value in values]
    return Activations(
        tensors=len(values),
        least_std=min(deviations),
        largest_std=max(deviations),
        not_finite=sum(int((~np.isfinite(value)).sum()) for value in values),
        denormal=sum(int(((value != 0) & (np.abs(value) < _SMALLEST_NORMAL)).sum()) for value in values),
    )


def _onnx(path: Path, feed: Array) -> Iterable[Array]:
    model = onnx.load(path)
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    real = {value.name for value in inferred if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    for name in _activation_names(model):
        if name in real:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values: Iterable[Array] = session.run(None, {model.graph.input[0].name: feed})
    return values


def _activation_names(model: onnx.ModelProto) -> list[str]:
    """Outputs of the nodes, without the graph's own and without what follows from constants (dequantised weights)."""
    constant = {entry.name for entry in model.graph.initializer}
    names = []
    for node in model.graph.node:
        if all(name in constant for name in node.input):
            constant.update(node.output)
        else:
            names += node.output
    outputs = {output.name for output in model.graph.output}
    return [name for name in names if name not in outputs]


def _litert(path: Path, feed: Array) -> Iterable[Array]:
    interpreter = Interpreter(
        model_path=str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], feed)
    interpreter.invoke()
    details = {entry["index"]: entry for entry in interpreter.get_tensor_details()}
    operators = [op for op in interpreter._get_ops_details() if op["op_name"] not in _PADDING]
    for index in sorted({int(i) for op in operators for i in op["outputs"]} & details.keys()):
        value = interpreter.get_tensor(index)
        scale, zero_point = details[index]["quantization"]
        if value.dtype == np.float32:
            yield value
        elif scale:
            yield (value.astype(np.float32) - zero_point) * np.float32(scale)
