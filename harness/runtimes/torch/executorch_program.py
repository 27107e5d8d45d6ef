"""What a .pte file says of itself: the instructions of its method, and the XNNPACK graphs within it.

Read with executorch's own deserialiser and schemas (exir/schema.py, backends/xnnpack/serialization/schema.fbs).
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from harness.core.execution import Execution, effective
from harness.core.quantity import Missing

BACKEND = "XnnpackBackend"
PORTABLE = "portable"
"""Instructions that call a kernel of ExecuTorch's own library instead of a backend."""
_WEIGHTED = ("XNNConv2d", "XNNDepthwiseConv2d", "XNNFullyConnected", "XNNConvTranspose2d", "XNNBatchMatrixMultiply")
_ELEMENTS = {"fp32": "fp32", "fp16": "fp16", "qint8": "int8", "qcint8": "int8", "qdint8": "int8", "qcint4": "int4"}


def told_by(path: Path) -> Execution:
    """Precision and nodes of the program's first method."""
    from executorch.exir._serialize._program import deserialize_pte_binary

    program = deserialize_pte_binary(path.read_bytes()).program
    plan = program.execution_plan[0]
    names = [delegate.id for delegate in plan.delegates]
    calls = [type(one.instr_args).__name__ for chain in plan.chains for one in chain.instructions]
    graphs = [graph for each in plan.delegates if each.id == BACKEND for graph in _graphs(program, each)]
    nodes = Counter({PORTABLE: calls.count("KernelCall")})
    nodes[BACKEND] = sum(len(graph["xnodes"]) for graph in graphs)
    nodes.update(Counter(name for name in names if name != BACKEND))
    return Execution(
        effective=effective(each for graph in graphs for each in _precisions(graph))
        if graphs
        else Missing(f"nothing in it is lowered to {BACKEND}"),
        evidence="types of the weights in the program's XNNPACK graphs",
        nodes={name: n for name, n in nodes.items() if n},
        arena_bytes=_arena(sum(plan.non_const_buffer_sizes), names),
    )


def _arena(planned: int, delegates: Sequence[str]) -> int | Missing:
    """What the program has planned to hold; not all there is where a delegate holds memory of its own."""
    if not delegates:
        return planned
    return Missing(f"the program plans {planned:,} bytes; {', '.join(sorted(set(delegates)))} does not tell its own")


def _graphs(program: Any, delegate: Any) -> Iterator[dict[str, Any]]:
    """The graph a delegate's payload holds: behind a header 'XH00' whose bytes 10 to 14 and 14 to 18 place it."""
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    payload = bytes(program.backend_delegate_data[delegate.processed.index].data)
    start, size = (int.from_bytes(payload[at : at + 4], "little") for at in (10, 14))
    schema = resources.files("executorch.backends.xnnpack.serialization") / "schema.fbs"
    with tempfile.TemporaryDirectory(prefix="edgebench-pte-") as folder, resources.as_file(schema) as rules:
        data = Path(folder) / "graph.bin"
        data.write_bytes(payload[start : start + size])
        _flatc_decompile(folder, str(rules), str(data))
        yield json.loads((Path(folder) / "graph.json").read_text(encoding="utf-8"))


def _precisions(graph: Mapping[str, Any]) -> Iterator[str]:
    """What each convolution and matrix product has as weights."""
    values = dict(_typed(value["xvalue_union"]) for value in graph["xvalues"])
    for node in graph["xnodes"]:
        if node["xnode_union_type"] in _WEIGHTED:
            operands = node["xnode_union"]
            name = values.get(operands.get("filter_id", operands.get("input2_id")), "unknown")
            yield _ELEMENTS.get(name, name)


def _typed(value: Mapping[str, Any]) -> tuple[int, str]:
    """Identity and element type of a tensor; a quantised one wraps a plain one."""
    tensor = value.get("tensor_value", value)
    return tensor.get("id_out", 0), str(tensor.get("datatype", "unknown")).removeprefix("xnn_datatype_")
