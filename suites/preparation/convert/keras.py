"""Keras files and TensorFlow SavedModels: the graph of an .onnx rebuilt in Keras, with channels last.

Only the operators of our nets are supported. A tensor of rank 3 and more has its axes in another order than in the
graph: the batch, the last two (height and width), then the others (channels, or the groups and channels of a channel
shuffle).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from harness.core.artifact import Format, Layout
from harness.core.errors import UsageError
from harness.runtimes.tensorflow.adapter import SAVED_MODEL

from .base import ConversionRequest, Converter

Array = NDArray[Any]


def keras_model(source: Path) -> Any:
    """Return a functional keras.Model with the weights of an .onnx file.

    Raises:
        UsageError: Keras has no counterpart of an operator.
    """
    import keras
    import onnx

    graph = onnx.load(source).graph
    constants = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    (info,) = graph.input
    sizes = [size.dim_value for size in info.type.tensor_type.shape.dim]
    image = keras.Input([sizes[axis] for axis in _order(len(sizes))[1:]], name=info.name)
    values: dict[str, Any] = {info.name: image}
    for node in graph.node:
        attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
        try:
            outputs = _OPERATORS[node.op_type](_Node(node.input, attributes, values, constants))
        except (KeyError, NotImplementedError) as error:
            message = f"{node.op_type} in {source.name} cannot be converted to Keras"
            raise UsageError(message, "convert the fp32 file of a net that is not pruned") from error
        values |= zip(node.output, outputs if isinstance(outputs, list) else [outputs], strict=True)
    return keras.Model(image, values[graph.output[0].name])


class _Node:
    """A node: its attributes by key, its inputs by index, as Keras tensors or as constants."""

    def __init__(
        self, names: Any, attributes: Mapping[str, Any], values: Mapping[str, Any], constants: Mapping[str, Array]
    ) -> None:
        self.names = list(names)
        self._attributes, self._values, self._constants = attributes, values, constants

    def __getitem__(self, key: str) -> Any:
        return self._attributes[key]

    def value(self, index: int = 0) -> Any:
        return self._values[self.names[index]]

    def constant(self, index: int) -> Array:
        return self._constants[self.names[index]]


def _order(rank: int) -> list[int]:
    """Return the axes of the graph in Keras' order."""
    return [0, rank - 2, rank - 1, *range(1, rank - 2)] if rank > 2 else list(range(rank))


def _conv(node: _Node) -> Any:
    import keras

    weight, bias = node.constant(1), node.constant(2)
    filters, per_group, *kernel = weight.shape
    top, left, bottom, right = node["pads"]
    same = node["strides"] == [1, 1] and [top, left, bottom, right] == [size // 2 for size in kernel] * 2
    image = node.value()
    if any(node["pads"]) and not same:
        image = keras.layers.ZeroPadding2D(((top, bottom), (left, right)))(image)
    settings: dict[str, Any] = {
        "kernel_size": kernel,
        "strides": node["strides"],
        "dilation_rate": node["dilations"],
        "padding": "same" if same else "valid",
    }
    if per_group == 1 and node["group"] > 1:
        multiplier = filters // node["group"]
        layer = keras.layers.DepthwiseConv2D(depth_multiplier=multiplier, **settings)
        kernels = weight.reshape(-1, multiplier, *kernel).transpose(2, 3, 0, 1)
    else:
        layer = keras.layers.Conv2D(filters, groups=node["group"], **settings)
        kernels = weight.transpose(2, 3, 1, 0)
    return _with_weights(layer, image, kernels, bias)


def _gemm(node: _Node) -> Any:
    import keras

    if (node["alpha"], node["beta"], node["transA"]) != (1, 1, 0):
        raise NotImplementedError
    weight = node.constant(1).T if node["transB"] else node.constant(1)
    return _with_weights(keras.layers.Dense(weight.shape[1]), node.value(), weight, node.constant(2))


def _with_weights(layer: Any, value: Any, *weights: Array) -> Any:
    output = layer(value)
    layer.set_weights(weights)
    return output


def _relu(node: _Node) -> Any:
    import keras

    return keras.layers.ReLU()(node.value())


def _clip(node: _Node) -> Any:
    """Return a ReLU with a maximum, which a Clip from 0 is."""
    import keras

    if node.constant(1) != 0:
        raise NotImplementedError
    return keras.layers.ReLU(max_value=float(node.constant(2)))(node.value())


def _add(node: _Node) -> Any:
    import keras

    return keras.layers.Add()([node.value(0), node.value(1)])


def _mean(node: _Node) -> Any:
    import keras

    if sorted(node.constant(1) % 4) != [2, 3] or not node["keepdims"]:
        raise NotImplementedError
    return keras.layers.GlobalAveragePooling2D(keepdims=True)(node.value())


def _concat(node: _Node) -> Any:
    import keras

    parts = [node.value(index) for index in range(len(node.names))]
    return keras.layers.Concatenate(_order(len(parts[0].shape)).index(node["axis"]))(parts)


def _split(node: _Node) -> list[Any]:
    """Split into equal parts."""
    import keras

    tensor = node.value()
    axis = _order(len(tensor.shape)).index(node["axis"])
    parts: list[Any] = keras.ops.split(tensor, node["num_outputs"], axis)
    return parts


def _reshape(node: _Node) -> Any:
    """Reshape all axes but height and width, which stay or, being 1, are removed."""
    import keras

    tensor, target = node.value(), [int(size) for size in node.constant(1)]
    height, width = tensor.shape[1:3]
    if min(target[1:]) < 1 or (target[-2:] != [height, width] if len(target) > 2 else (height, width) != (1, 1)):
        raise NotImplementedError
    return keras.layers.Reshape([target[axis] for axis in _order(len(target))[1:]])(tensor)


def _transpose(node: _Node) -> Any:
    import keras

    order = _order(len(node["perm"]))
    return keras.layers.Permute([order.index(node["perm"][axis]) for axis in order[1:]])(node.value())


_OPERATORS: Mapping[str, Callable[[_Node], Any]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "Relu": _relu,
    "Clip": _clip,
    "Add": _add,
    "ReduceMean": _mean,
    "Concat": _concat,
    "Split": _split,
    "Reshape": _reshape,
    "Transpose": _transpose,
}


class Keras(Converter):
    """.keras, the format of Keras 3. fp32 only: Keras' CPU kernels are faster with no other type."""

    format: ClassVar[Format] = "keras"
    layout: ClassVar[Layout] = "NHWC"
    tools = ("keras", "onnx")
    extra = "tensorflow"
    native_settings = frozenset({"fp32"})

    def convert(self, request: ConversionRequest) -> None:
        """Write .keras."""
        SAVED_MODEL.load_library()  # Keras on TensorFlow, whatever the user's configuration
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from TensorFlow
            keras_model(request.source).save(request.out)


class SavedModel(Converter):
    """A SavedModel with one signature, as Keras exports it for serving."""

    format: ClassVar[Format] = "savedmodel"
    layout: ClassVar[Layout] = "NHWC"
    tools = ("keras", "onnx")
    extra = "tensorflow"
    native_settings = frozenset({"fp32"})

    def convert(self, request: ConversionRequest) -> None:
        """Write the folder."""
        SAVED_MODEL.load_library()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras_model(request.source).export(request.out, verbose=False)
