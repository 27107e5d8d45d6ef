"""The build's steps on a net of three layers, made here. Needs the extra 'prepare'."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suites.skeletons import fill, find
from suites.skeletons.fill import pieces
from suites.skeletons.images import images

pytestmark = pytest.mark.prepare
onnx = pytest.importorskip("onnx")

SEED = 5


def tiny_net(batch_norm: bool = False) -> Any:
    """Dense convolution, depthwise convolution, mean, fully connected layer: 1 x 3 x 16 x 16 to 1 x 10."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(0)
    shapes = {"w0": (16, 3, 3, 3), "w1": (16, 1, 3, 3), "w2": (10, 16), "b0": (16,), "b2": (10,)}
    values = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node("Conv", ["r0", "w1"], ["c1"], group=16, pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["c1"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["y"], transB=1),
    ]
    if batch_norm:
        nodes[1] = helper.make_node("BatchNormalization", ["c0", "b0", "b0", "b0", "b0"], ["r0"])
    real = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", real, ("batch", 3, 16, 16))],
        [helper.make_tensor_value_info("y", real, ("batch", 10))],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10, doc_string="noted")


def feeds() -> list[Any]:
    return list(images(SEED, 4, 16)[:, None])


def test_every_layer_gets_unit_variance_around_a_common_bias() -> None:
    from suites.skeletons.build.synthesise import BIAS, run_to, synthesise

    net = tiny_net()
    tensors = synthesise(net, SEED, feeds())
    assert [tensor.shape for tensor in tensors] == [(16, 3, 3, 3), (16, 1, 3, 3), (10, 16)]
    for layer in ("c0", "c1", "y"):
        assert run_to(net, layer, feeds()).std() == pytest.approx(1, rel=0.01)
    biases = {e.name: onnx.numpy_helper.to_array(e) for e in net.graph.initializer if e.name.startswith("b")}
    assert all((bias == np.float32(BIAS)).all() for bias in biases.values())


def test_batch_normalisation_left_in_the_graph_is_refused() -> None:
    from suites.skeletons.build.synthesise import synthesise

    with pytest.raises(ValueError, match="fold batch normalisation"):
        synthesise(tiny_net(batch_norm=True), SEED, feeds())


def test_counts_are_those_done_by_hand() -> None:
    from suites.skeletons.build import graph

    net = tiny_net()
    assert graph.parameters(net) == 16 * 27 + 16 + 16 * 9 + 10 * 16 + 10
    assert graph.macs(net) == 64 * 16 * 27 + 64 * 16 * 9 + 10 * 16
    assert graph.edge(net) == 16
    assert graph.strip(net).doc_string == ""


def test_a_file_is_cut_and_fills_back_to_itself() -> None:
    from suites.skeletons.build.pack import cut
    from suites.skeletons.build.synthesise import synthesise

    net = tiny_net()
    tensors = synthesise(net, SEED, feeds())
    finished = net.SerializeToString()
    shipped, slots = cut(finished, SEED, tensors, "onnx")
    assert [(slot.tensor, slot.dtype) for slot in slots] == [(0, "float32"), (1, "float32"), (2, "float32")]
    assert len(zlib.decompress(shipped)) == len(finished) - 4 * (16 * 27 + 16 * 9 + 10 * 16)
    other = find("mobilenet_v2-1.0-224", "fp32", "onnx")
    skeleton = replace(other, seed=SEED, tensors=tuple(tensors), slots=tuple(slots))
    assert b"".join(pieces(skeleton, zlib.decompress(shipped))) == finished


def test_weights_move_between_the_formats_and_back(tmp_path: Path) -> None:
    from suites.skeletons.build.transplant import float_constants, litert_axes, transplant

    net = onnx.load(fill("mobilenet_v2-1.0-224", "fp32", "onnx", tmp_path))
    tflite = fill("mobilenet_v2-1.0-224", "fp32", "tflite", tmp_path).read_bytes()
    old = {name: values for name, values in float_constants(net).items() if values.ndim > 1}
    halves = {name: values / 2 for name, values in old.items()}
    moved = transplant(tflite, old, halves)
    name, values = next(iter(halves.items()))
    assert np.ascontiguousarray(values.transpose(litert_axes(values.shape))).tobytes() in moved
    assert transplant(moved, halves, old) == tflite
    with pytest.raises(ValueError, match=f"{name}: 0 constants"):
        transplant(tflite, halves, old)
