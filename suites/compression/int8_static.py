"""``int8-static``: int8 weights per channel and int8 activations, whose ranges calibration images give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.artifact import Format

from . import histogram, litert, ort
from .base import INT8_DOT_PRODUCT, Calibration, Compression, Yield
from .litert import quantise, static_rule

RANGES_REFUSED: Mapping[Format, str] = {"tflite": "ai-edge-quantizer takes ranges from minimum and maximum alone"}


class Int8Static(Compression):
    """Post-training static quantisation; unsigned activations in .onnx because x86 multiplies u8 by s8.

    ``ranges`` is how those of activations are found, see `suites.compression.histogram`; ``per_channel``: one weight
    scale an output channel, else one a tensor.
    """

    needs_calibration = True
    pays_on = INT8_DOT_PRODUCT
    stored = "int8"

    def __init__(self, name: str, description: str, *, per_channel: bool = True, ranges: str = "MinMax") -> None:
        self.name = name
        self.description = description
        self.per_channel = per_channel
        self.ranges = ranges
        self.yields = _yields(per_channel, ranges)
        self.refuses = {} if "tflite" in self.yields else RANGES_REFUSED

    def _onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        assert calibration is not None
        ort.quantise_static(
            source, out, calibration, method=self.ranges, per_channel=self.per_channel, activations="QUInt8"
        )

    def _tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        quantise(source, [static_rule(per_channel=self.per_channel), *litert.FLOAT_ENDS], calibration, out)


def _yields(per_channel: bool, ranges: str) -> Mapping[Format, Yield]:
    weights = f"int8 weights per {'channel' if per_channel else 'tensor'}"
    parameters: dict[str, Any] = {
        "format": "QDQ",
        "per_channel": per_channel,
        "weights": "QInt8",
        "activations": "QUInt8",
        "ranges": ranges,
        **histogram.PARAMETERS[ranges],
    }
    recipe = {"recipe": "static_wi8_ai8", "ranges": "MinMax"} | ({} if per_channel else {"granularity": "TENSORWISE"})
    made: dict[Format, Yield] = {
        "onnx": Yield(f"{weights}, uint8 activations (QDQ), fp32 inputs and outputs", ort.TOOLS, parameters),
        "tflite": Yield(f"{weights}, int8 activations, fp32 inputs and outputs", litert.TOOLS, recipe),
    }
    return made if ranges == "MinMax" else {"onnx": made["onnx"]}


SETTING = Int8Static("int8-static", "int8 weights per channel, int8 activations with ranges from calibration images")
PER_TENSOR = Int8Static(
    "int8-static-per-tensor",
    "as int8-static with one weight scale a tensor: how much per-channel scales are worth",
    per_channel=False,
)
"""What older toolchains and some accelerators do; depthwise nets suffer, as their channels differ most."""
ENTROPY = Int8Static(
    "int8-static-entropy", "as int8-static with ranges that lose least of the distribution (KL)", ranges="Entropy"
)
PERCENTILE = Int8Static(
    "int8-static-percentile",
    f"as int8-static with ranges that {histogram.PERCENTILE} % of the values are in",
    ranges="Percentile",
)

PLUGINS: tuple[Compression, ...] = (SETTING, PER_TENSOR, ENTROPY, PERCENTILE)
