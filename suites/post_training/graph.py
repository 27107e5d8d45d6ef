"""Whether an .onnx can be started from, and a copy of it in one file with plain shapes where it has others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import ModelError, UsageError

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators of others are the user's own, which neither the quantisers nor the runtimes know."""
INTEGER_OPERATORS = frozenset({"QuantizeLinear", "DequantizeLinear", "MatMulInteger", "ConvInteger"})
"""With those whose names begin with QLinear: signs of a quantised net."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Graph:
    """A float model that was found fit: the file to start from.

    ``changed`` says in words what was done to the user's file, '' where it is that file.
    """

    source: Path
    changed: str = ""


def float_graph(path: Path, shapes: Shapes, folder: Path) -> Graph:
    """Look through the .onnx at ``path``; a copy goes to ``folder`` where shapes or data have to be put into it.

    ModelError on a damaged file, operators of its own, and a net that is not fp32; UsageError on dynamic shapes that
    ``shapes`` does not give. A dynamic batch stays as it is: every runtime is told its size.
    """
    model, external = _loaded(path)
    _refuse_unknown(model.graph, path)
    _refuse_compressed(model.graph, path)
    fixed = [entry.name for entry in _inputs(model.graph) if _fix(entry, shapes, path)]
    if not fixed and not external:
        return Graph(path)
    words = [f"shape of {', '.join(fixed)} fixed"] * bool(fixed) + ["external data put in"] * external
    return Graph(_written(model, folder / path.name), " and ".join(words))


def _loaded(path: Path) -> tuple[Any, bool]:
    """The model, and whether its weights lay in files beside it."""
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
        external = any(one.data_location == onnx.TensorProto.EXTERNAL for one in model.graph.initializer)
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # protobuf's and onnx's own, which share no base
        raise ModelError(f"{path} cannot be read as .onnx: {error}", "it is damaged or of another kind") from error
    if not model.graph.node:
        raise ModelError(f"{path} holds no net", "export it again")
    return model, external


def _refuse_unknown(graph: Any, path: Path) -> None:
    from onnx import defs

    own = Counter(f"{node.domain}::{node.op_type}" for node in graph.node if node.domain not in KNOWN_DOMAINS)
    own += Counter(node.op_type for node in graph.node if node.domain in ("", "ai.onnx") and not defs.has(node.op_type))
    if own:
        raise ModelError(
            f"{path} has operators that are not ONNX's: {_counted(own)}",
            "export the net without them; a runtime that knows them can only be measured without --compress",
        )


def _refuse_compressed(graph: Any, path: Path) -> None:
    """--compress starts from fp32: what was rounded once would be rounded again and blamed for both."""
    from onnx import TensorProto

    signs = Counter(
        node.op_type for node in graph.node if node.op_type in INTEGER_OPERATORS or node.op_type.startswith("QLinear")
    )
    kinds = {one.data_type for one in graph.initializer if one.dims}
    if signs:
        raise ModelError(f"{path} is quantised already: {_counted(signs)}", "give the float net it was made from")
    if TensorProto.FLOAT not in kinds and kinds & {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}:
        raise ModelError(f"{path}: its weights are not fp32", "export the net in float32")


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.most_common(5))


def _inputs(graph: Any) -> Iterator[Any]:
    """Inputs that are fed; older files list their weights among them."""
    weights = {one.name for one in graph.initializer}
    return (entry for entry in graph.input if entry.name not in weights)


def _fix(entry: Any, shapes: Shapes, path: Path) -> bool:
    """Put the shape asked for into an input; True where that changes it."""
    dims = entry.type.tensor_type.shape.dim
    told = [dim.dim_value or dim.dim_param or "?" for dim in dims]
    wanted = shapes.get(entry.name)
    if wanted is None:
        _refuse_dynamic(entry.name, told, path)
        return False
    fits = (have in (want, str(have)) for have, want in zip(told, wanted, strict=False))  # a name fits any size
    if len(wanted) != len(told) or not all(fits):
        raise UsageError(f"--shape {entry.name}={'x'.join(map(str, wanted))} does not fit {told} of {path}")
    for dim, size in zip(dims, wanted, strict=True):
        dim.dim_value = size
    return told != list(wanted)


def _refuse_dynamic(name: str, told: list[int | str], path: Path) -> None:
    """UsageError when another dimension than the first, the batch, has no size."""
    if any(isinstance(size, str) for size in told[1:]):
        sizes = [size if isinstance(size, int) else 224 if place else 1 for place, size in enumerate(told)]
        raise UsageError(
            f"{path}: input '{name}' {told} has dynamic dimensions",
            f"give them, as --shape {name}={'x'.join(map(str, sizes))}",
        )


def _written(model: Any, out: Path) -> Path:
    """The model in one file, with the shapes behind its inputs inferred anew."""
    import onnx

    for end in model.graph.output:
        end.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(model.SerializeToString(deterministic=True))
    return out
