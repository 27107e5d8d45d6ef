"""What TensorRT's engine inspector tells of an engine's layers: what they compute in, and on what.

Layers are JSON objects with 'LayerType', 'ParameterType', 'TacticName' and, for each input, 'Format/Datatype', in which
the element type stands among words: 'Row major linear FP32', 'Thirty-two wide channel vectorized row major Int8 format'
in TensorRT 8, 'Half' in 10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.execution import Execution, effective
from harness.core.quantity import Missing
from harness.core.verdict import Finding

Layer = Mapping[str, Any]
_PRECISIONS = (("int8", "int8"), ("bf16|bfloat16", "bf16"), ("fp16|half", "fp16"), ("fp32|float", "fp32"))
_ARITHMETIC = re.compile("conv|gemm|matmul|matrixmultiply|fullyconnected|dla", re.IGNORECASE)
_REARRANGING = re.compile("reformat|noop|shuffle|constant|signal|wait", re.IGNORECASE)


def execution(layers: Sequence[Any], asked_dla: bool) -> Execution:
    """From an inspector's layers."""
    if any(not isinstance(each, dict) for each in layers):
        reason = "the engine keeps only the names of its layers: build it with --profilingVerbosity=detailed"
        return Execution(effective=Missing(reason))
    arithmetic = [each for each in layers if _ARITHMETIC.search(_kind(each)) and not _REARRANGING.search(_kind(each))]
    nodes: dict[str, int] = {}
    for layer in layers:
        nodes[device(layer)] = nodes.get(device(layer), 0) + 1
    found = Execution(
        effective=effective(precision(each) for each in arithmetic),
        evidence="types of the inputs of convolutions and matrix products, from TensorRT's engine inspector",
        nodes=nodes,
    )
    stayed = [each for each in layers if device(each) == "GPU" and not _REARRANGING.search(_kind(each))]
    if not asked_dla or not stayed:
        return found
    words = f"{len(stayed)} layers run on the GPU, {nodes.get('DLA', 0)} on the DLA"
    return found.having(Finding("fallback", "warn", words, "gpu_fallback=0 names the layer that the DLA refuses"))


def device(layer: Layer) -> str:
    """'GPU' or 'DLA'."""
    return "DLA" if "dla" in str(layer.get("LayerType", "")).lower() else "GPU"


def precision(layer: Layer) -> str:
    """By the first input; fp32 whose kernel says tf32 is that."""
    told = str(next((each.get("Format/Datatype", "") for each in layer.get("Inputs", ())), ""))
    found = next((name for pattern, name in _PRECISIONS if re.search(pattern, told, re.IGNORECASE)), told or "unknown")
    return "tf32" if found == "fp32" and "tf32" in str(layer.get("TacticName", "")) else found


def _kind(layer: Layer) -> str:
    return f"{layer.get('LayerType', '')} {layer.get('ParameterType', '')}"
