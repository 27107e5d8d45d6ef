"""The LiteRT quantizer (ai-edge-quantizer), which all settings use for .tflite."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .base import Calibration

TOOLS = ("ai-edge-quantizer", "ai-edge-litert")

Recipe = list[dict[str, Any]]


def tensor_config(
    bits: int, *, symmetric: bool, granularity: str = "TENSORWISE", dtype: str = "INT"
) -> Mapping[str, Any]:
    """Return how the quantizer is to store a kind of tensor."""
    return {"num_bits": bits, "symmetric": symmetric, "granularity": granularity, "dtype": dtype}


def recipe_rule(algorithm: str, operation: str = "*", **config: Any) -> dict[str, Any]:
    """Return a rule of a recipe; a later rule overrides an earlier one for the operations that it names."""
    return {"regex": ".*", "operation": operation, "algorithm_key": algorithm, "op_config": config}


def static_rule(*, per_channel: bool = True, activation_bits: int = 8) -> dict[str, Any]:
    """Return the rule for integer weights and activations in every operation.

    Activations of 16 bits are symmetric, as the kernels require.
    """
    return recipe_rule(
        "min_max_uniform_quantize",
        activation_tensor_config=tensor_config(activation_bits, symmetric=activation_bits == 16),
        weight_tensor_config=tensor_config(
            8, symmetric=True, granularity="CHANNELWISE" if per_channel else "TENSORWISE"
        ),
        compute_precision="INTEGER",
        explicit_dequantize=False,
    )


FLOAT_IO_RULES = tuple(recipe_rule("no_quantize", operation=operation) for operation in ("INPUT", "OUTPUT"))
"""Rules that leave inputs and outputs float32."""


def quantize(source: Path, recipe: Recipe, calibration: Calibration | None, out: Path) -> None:
    """Quantize `source` by `recipe` and write `out`; with `calibration`, its images give the ranges of activations."""
    from ai_edge_quantizer import quantizer

    tool = quantizer.Quantizer(str(source), recipe)
    ranges = _activation_ranges(source, recipe, calibration) if calibration is not None else None
    result = tool.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    out.write_bytes(result.quantized_model)


def _activation_ranges(source: Path, recipe: Recipe, calibration: Calibration) -> dict[str, Any]:
    """Return the smallest and largest value of every activation over all images, by its name.

    The quantizer's default, a moving average over images, cuts off values that few images reach: with it,
    EfficientNet-Lite0 agrees with fp32 on 74 % of mini-imagenet, with the whole range on 99 %.
    """
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe)
    tool = calibrator.Calibrator(source.read_bytes(), num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    tool.calibrate(_by_signature(source, calibration), manager)
    ranges: dict[str, Any] = tool.get_model_qsvs()
    return ranges


def _by_signature(source: Path, calibration: Calibration) -> dict[str, list[dict[str, Any]]]:
    """Return the images as the quantizer takes them: by the name of the model's only signature and its only input."""
    from ai_edge_litert.interpreter import Interpreter

    ((signature, names),) = Interpreter(str(source)).get_signature_list().items()
    (name,) = names["inputs"]
    return {signature: [{name: image[None]} for image in calibration]}
