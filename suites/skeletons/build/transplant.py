"""Carry new weights from an .onnx net over to the .tflite net exported from the same source.

Constants of the two files are paired by their old values, so no operator needs to be understood: LiteRT holds the
weights of a convolution as output x height x width x input, of a depthwise one as 1 x height x width x channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]

_RELATIVE = 1e-3


def litert_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """Order in which LiteRT holds the axes of an ONNX weight tensor of that shape."""
    if len(shape) != 4:
        return tuple(range(len(shape)))
    return (1, 2, 3, 0) if shape[1] == 1 else (0, 2, 3, 1)


def float_constants(model: onnx.ModelProto) -> dict[str, Array]:
    """Weights and biases of the convolutions and fully connected layers by name."""
    names = {name for node in model.graph.node if node.op_type in ("Conv", "Gemm") for name in node.input[1:]}
    return {e.name: numpy_helper.to_array(e).copy() for e in model.graph.initializer if e.name in names}


def transplant(tflite: bytes, old: dict[str, Array], new: dict[str, Array]) -> bytes:
    """The .tflite file with each constant that held a value of ``old`` now holding that of ``new``.

    The converter may have added a constant to a bias (the 3 of a hard sigmoid behind it): it is added again. Raises
    ValueError where a tensor has no partner, or several.
    """
    image = bytearray(tflite)
    buffers = _float_buffers(image)
    stored = {name: values.transpose(litert_axes(values.shape)).ravel() for name, values in old.items()}
    # All pairs are found before any is written: new biases are alike, and would be taken for others.
    partners = {name: _partner(name, values, old[name].ndim == 1, buffers) for name, values in stored.items()}
    for name, (buffer, shift) in partners.items():
        buffer[:] = new[name].transpose(litert_axes(new[name].shape)).ravel() + shift
    return bytes(image)


def _partner(name: str, values: Array, is_bias: bool, buffers: list[Array]) -> tuple[Array, np.float32]:
    """The constant with these values, and what was added to them (0 but in a bias)."""
    tolerance = _RELATIVE * float(np.abs(values).max())
    found = []
    for buffer in buffers:
        if buffer.size != values.size:
            continue
        difference = buffer - values
        shift = np.float32(np.round(difference.mean(), 3) if is_bias else 0)
        if float(np.abs(difference - shift).max()) <= tolerance:
            found.append((buffer, shift))
    if len(found) != 1:
        raise ValueError(f"{name}: {len(found)} constants of the .tflite file hold its values")
    return found[0]


def _float_buffers(image: bytearray) -> list[Array]:
    """Writable views of the float32 constants."""
    model = schema.Model.GetRootAs(image, 0)
    graph = model.Subgraphs(0)
    tensors = (graph.Tensors(i) for i in range(graph.TensorsLength()))
    numbers = {tensor.Buffer() for tensor in tensors if tensor.Type() == schema.TensorType.FLOAT32}
    filled = [model.Buffers(i) for i in sorted(numbers) if model.Buffers(i).DataLength()]
    return [buffer.DataAsNumpy().view("<f4") for buffer in filled]
