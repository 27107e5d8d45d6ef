"""The LiteRT quantiser (ai-edge-quantizer), which all settings use for .tflite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suites.compression.base import Calibration

TOOLS = ("ai-edge-quantizer", "ai-edge-litert")

Recipe = list[dict[str, Any]]


def tensor(bits: int, *, symmetric: bool, granularity: str = "TENSORWISE", dtype: str = "INT") -> Mapping[str, Any]:
    """How the quantiser is to write a kind of tensor."""
    return {"num_bits": bits, "symmetric": symmetric, "granularity": granularity, "dtype": dtype}


def rule(algorithm: str, operation: str = "*", **config: Any) -> dict[str, Any]:
    """One rule of a recipe; a later rule overrides an earlier one for the operations it names."""
    return {"regex": ".*", "operation": operation, "algorithm_key": algorithm, "op_config": config}


def quantise(source: Path, recipe: Recipe, calibration: Calibration | None, out: Path) -> None:
    """Quantise ``source`` by ``recipe`` to ``out``, one image at a time where it has to be calibrated."""
    from ai_edge_quantizer import quantizer

    tool = quantizer.Quantizer(str(source), recipe)
    ranges = None
    if calibration is not None:
        ranges = tool.calibrate(_by_signature(source, calibration), num_threads=1)
    result = tool.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    out.write_bytes(result.quantized_model)


def _by_signature(source: Path, calibration: Calibration) -> dict[str, list[dict[str, Any]]]:
    """The images in the form the quantiser asks for: by name of the model's one signature and its one input."""
    from ai_edge_litert.interpreter import Interpreter

    ((signature, ends),) = Interpreter(str(source)).get_signature_list().items()
    (name,) = ends["inputs"]
    return {signature: [{name: image[None]} for image in calibration]}
