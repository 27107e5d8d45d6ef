"""ONNX models with unusual outputs, and some whose work depends on their inputs. They need the package onnx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx: Any = pytest.importorskip("onnx")
helper, T = onnx.helper, onnx.TensorProto

BOXES, SCORES = (1, 16, 4), (1, 1, 16)


def tensor(name: str, element: int, shape: Sequence[int | str] | None) -> Any:
    """The declaration of a tensor."""
    return helper.make_tensor_value_info(name, element, shape)


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
    domains: Mapping[str, int] | None = None,
) -> Path:
    """Write a model and return its path."""
    weights = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), weights)
    imports = [helper.make_opsetid(domain, version) for domain, version in {"": opset, **(domains or {})}.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), str(path))
    return path


def detector(path: Path, threshold: float) -> Path:
    """NonMaxSuppression: as many rows as boxes pass, none with a threshold above 1."""
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "threshold"], ["selected"])
    inputs = [tensor("boxes", T.FLOAT, BOXES), tensor("scores", T.FLOAT, SCORES)]
    constants = {"most": np.int64([16]), "iou": np.float32([0.5]), "threshold": np.float32([threshold])}
    return save(path, [node], inputs, [tensor("selected", T.INT64, ["n", 3])], constants)


def classifier(path: Path, labels: Sequence[str] = (), zipped: bool = True) -> Path:
    """A linear classifier of three numbers as sklearn-onnx writes it: labels, and probabilities as a ZipMap."""
    kinds = {"classlabels_strings": list(labels)} if labels else {"classlabels_ints": [0, 1, 2]}
    keys = {"classlabels_strings": list(labels)} if labels else {"classlabels_int64s": [0, 1, 2]}
    linear = helper.make_node(
        "LinearClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", coefficients=np.eye(3).ravel().tolist(),
        intercepts=[0.0, 0.0, 0.0], post_transform="SOFTMAX", **kinds,
    )  # fmt: skip
    label = tensor("label", T.STRING if labels else T.INT64, ["N"])
    if not zipped:
        outputs, nodes = [label, tensor("scores", T.FLOAT, ["N", 3])], [linear]
    else:
        nodes = [linear, helper.make_node("ZipMap", ["scores"], ["probabilities"], domain="ai.onnx.ml", **keys)]
        kind = helper.make_map_type_proto(T.STRING if labels else T.INT64, helper.make_tensor_type_proto(T.FLOAT, None))
        outputs = [label, helper.make_value_info("probabilities", helper.make_sequence_type_proto(kind))]
    return save(path, nodes, [tensor("x", T.FLOAT, ["N", 3])], outputs, opset=13, domains={"ai.onnx.ml": 1})


def splitter(path: Path) -> Path:
    """A sequence of two tensors."""
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(T.FLOAT, None))
    node = helper.make_node("SplitToSequence", ["x"], ["parts"], axis=1)
    return save(path, [node], [tensor("x", T.FLOAT, [1, 2])], [helper.make_value_info("parts", kind)])


def branches(path: Path, deep: int = 40) -> Path:
    """Return a model of x [4, 32]: a chain of `deep` products where the mean of x is above .5, else nothing."""
    names = ["x", *(f"then{place}" for place in range(deep))]
    chain = [helper.make_node("MatMul", [before, "w"], [after]) for before, after in pairwise(names)]
    then = helper.make_graph(chain, "then", [], [tensor(names[-1], T.FLOAT, [4, 32])])
    same = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["else"])], "same", [], [tensor("else", T.FLOAT, [4, 32])]
    )
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Greater", ["mean", "half"], ["above"]),
        helper.make_node("If", ["above"], ["y"], then_branch=then, else_branch=same),
    ]
    constants = {"w": np.eye(32, dtype=np.float32), "half": np.float32(0.5)}
    return save(path, nodes, [tensor("x", T.FLOAT, [4, 32])], [tensor("y", T.FLOAT, [4, 32])], constants)


def loops(path: Path) -> Path:
    """Return a model that doubles x [4] as often as its input 'steps' says."""
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "v"], ["twice"]), helper.make_node("Identity", ["on"], ["still"])],
        "body",
        [tensor("i", T.INT64, []), tensor("on", T.BOOL, []), tensor("v", T.FLOAT, [4])],
        [tensor("still", T.BOOL, []), tensor("twice", T.FLOAT, [4])],
    )
    inputs = [tensor("x", T.FLOAT, [4]), tensor("steps", T.INT64, [])]
    return save(
        path, [helper.make_node("Loop", ["steps", "", "x"], ["y"], body=body)], inputs, [tensor("y", T.FLOAT, [4])]
    )


def sentences(path: Path, vocabulary: int = 8) -> Path:
    """Return a model that sums the vectors of the tokens that its mask lets through, for sentences of any length."""
    table = np.arange(1, 4 * vocabulary + 1, dtype=np.float32).reshape(vocabulary, 4)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["kept"], to=T.FLOAT),
        helper.make_node("Unsqueeze", ["kept", "last"], ["column"]),
        helper.make_node("Mul", ["vectors", "column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "one"], ["y"], keepdims=0),
    ]
    inputs = [tensor(name, T.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    constants = {"table": table, "last": np.int64([-1]), "one": np.int64([1])}
    return save(path, nodes, inputs, [tensor("y", T.FLOAT, ["batch", 4])], constants)
