"""Checks that an .onnx can be compressed, and a copy of it in one file with fixed shapes where needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import size_of
from harness.core.errors import ModelError, UsageError
from harness.core.model_files.external_data import external_files

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators of other domains are custom, unknown to quantizers and runtimes."""
INTEGER_OPERATORS = frozenset({"QuantizeLinear", "DequantizeLinear", "MatMulInteger", "ConvInteger"})
"""Together with those whose names begin with QLinear: the signs of a quantized model."""

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Graph:
    """A float model that can be compressed.

    Attributes:
        source: The file to start from.
        changed: What was done to the user's file, in words; '' where ``source`` is that file.
    """

    source: Path
    changed: str = ""


def float_graph(path: Path, shapes: Shapes, folder: Path) -> Graph:
    """Check the .onnx at ``path`` and return the file to start from.

    Where shapes have to be fixed or external data merged, that is a copy in ``folder``. A dynamic batch stays dynamic,
    since every runtime is given its size.

    Raises:
        ModelError: The file is damaged, has custom operators, or is not fp32.
        UsageError: A dynamic shape is not in ``shapes``.
    """
    model, external = _loaded(path)
    _refuse_unknown(model.graph, path)
    _refuse_compressed(model.graph, path)
    fixed = [entry.name for entry in _inputs(model.graph) if _fix(entry, shapes, path)]
    if not fixed and not external:
        return Graph(path)
    words = [f"shape of {', '.join(fixed)} fixed"] * bool(fixed) + ["external data merged"] * external
    return Graph(_written(model, folder / path.name), " and ".join(words))


LARGEST_BYTES = 2 << 30
"""Protocol Buffers hold less than 2 GiB in one message, so a model of one file does too."""


def refuse_large(path: Path) -> None:
    """Refuse a model that cannot be written as one file; it is not read for that.

    Raises:
        ModelError: The model has 2 GiB or more.
    """
    if (size := size_of(path)) >= LARGEST_BYTES:
        raise ModelError(
            f"{path} has {size / 1e9:.2f} GB: --compress writes each setting as one .onnx, which holds less than "
            f"{LARGEST_BYTES / 1e9:.2f} GB",
            "measure it as it is, without --compress, or compress it with the tool that exported it and measure that",
        )


def _loaded(path: Path) -> tuple[Any, bool]:
    """Return the model, and whether its weights are in files beside it."""
    import onnx

    external = bool(external_files(path))
    try:
        model = onnx.load(path, load_external_data=False)
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # protobuf's and onnx's own, which share no base
        raise ModelError(f"{path} cannot be read as .onnx: {error}", "it is damaged or of another kind") from error
    if not model.graph.node:
        raise ModelError(f"{path} has an empty graph", "export it again")
    return model, external


def _refuse_unknown(graph: Any, path: Path) -> None:
    from onnx import defs

    custom = Counter(f"{node.domain}::{node.op_type}" for node in graph.node if node.domain not in KNOWN_DOMAINS)
    custom += Counter(
        node.op_type for node in graph.node if node.domain in ("", "ai.onnx") and not defs.has(node.op_type)
    )
    if custom:
        raise ModelError(
            f"{path} has operators that are not ONNX's: {_counted(custom)}",
            "export the model without them; a runtime that knows them can only be measured without --compress",
        )


def _refuse_compressed(graph: Any, path: Path) -> None:
    """Refuse a model that is not fp32: its rounding would be counted as that of the settings."""
    from onnx import TensorProto

    signs = Counter(
        node.op_type for node in graph.node if node.op_type in INTEGER_OPERATORS or node.op_type.startswith("QLinear")
    )
    kinds = {one.data_type for one in graph.initializer if one.dims}
    if signs:
        raise ModelError(f"{path} is quantized already: {_counted(signs)}", "give the float model it was made from")
    if TensorProto.FLOAT not in kinds and kinds & {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}:
        raise ModelError(f"{path}: its weights are not fp32", "export the model in float32")


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.most_common(5))


def _inputs(graph: Any) -> Iterator[Any]:
    """Return the inputs without the initializers, which older files list among them."""
    weights = {one.name for one in graph.initializer}
    return (entry for entry in graph.input if entry.name not in weights)


def _fix(entry: Any, shapes: Shapes, path: Path) -> bool:
    """Fix an input's shape to the one in ``shapes``; return whether that changes it."""
    dims = entry.type.tensor_type.shape.dim
    declared = [dim.dim_value or dim.dim_param or "?" for dim in dims]
    wanted = shapes.get(entry.name)
    if wanted is None:
        _refuse_dynamic(entry.name, declared, path)
        return False
    fits = (have in (want, str(have)) for have, want in zip(declared, wanted, strict=False))  # a name fits any size
    if len(wanted) != len(declared) or not all(fits):
        raise UsageError(f"--shape {entry.name}={'x'.join(map(str, wanted))} does not fit {declared} of {path}")
    for dim, size in zip(dims, wanted, strict=True):
        dim.dim_value = size
    return declared != list(wanted)


def _refuse_dynamic(name: str, declared: list[int | str], path: Path) -> None:
    """Refuse dynamic dimensions other than the first, the batch."""
    if any(isinstance(size, str) for size in declared[1:]):
        sizes = [size if isinstance(size, int) else 224 if place else 1 for place, size in enumerate(declared)]
        raise UsageError(
            f"{path}: input '{name}' {declared} has dynamic dimensions",
            f"give them, as --shape {name}={'x'.join(map(str, sizes))}",
        )


def _written(model: Any, out: Path) -> Path:
    """Write the model in one file, with all other shapes inferred again."""
    import onnx

    for end in model.graph.output:
        end.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    model.CopyFrom(onnx.shape_inference.infer_shapes(model))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(model.SerializeToString(deterministic=True))
    return out
