"""int8 for ncnn, as its programs ncnn2table and ncnn2int8 do it, which are in no wheel.

A layer's input has one scale, from the largest magnitude that the calibration images bring about; its weights have one
a filter, and only 6 bits where ncnn multiplies by Winograd's way. A layer whose output goes to quantised layers alone
hands over int8. Layers other than `_QUANTISED` compute in fp32. Parameters: int8_scale_term of ncnn's layers; layout of
the .bin: ModelBin and ModelWriter of Tencent/ncnn.

ncnn's .param and .bin by pnnx, the converter of its makers, which reads .onnx; int8 from there by our own hand.
"""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Format
from harness.core.errors import SetupError, UsageError
from harness.runtimes.ncnn.graph import Layer, read
from suites.compression.base import Calibration
from suites.models.base import ModelVariant

from . import base
from .base import ConversionRequest, Converter

_QUANTISED = frozenset({"Convolution", "ConvolutionDepthWise", "InnerProduct"})
_PLAIN = frozenset(
    {
        *("BinaryOp", "Clip", "Concat", "Flatten", "HardSigmoid", "HardSwish", "Input", "Permute", "Pooling", "ReLU"),
        *("Reduction", "Reshape", "ShuffleChannel", "Sigmoid", "Slice", "Softmax", "Split", "Swish", "UnaryOp"),
    }
)
"""Layers without weights, which the .bin does not know of."""
_FLOAT_TAG, _INT8_TAG = b"\0\0\0\0", (0x000D4B38).to_bytes(4, "little")
_PER_FILTER, _HANDS_OVER = 1, 100
"""Values of int8_scale_term, which add up."""
_LARGEST, _LARGEST_WINOGRAD = 127, 31
_SIZES = (("1", "11"), ("2", "12"), ("3", "13"))
"""Parameters of a convolution: kernel, dilation and stride, each along x and y."""
_WINOGRAD = [("3", "3"), ("1", "1"), ("1", "1")]

Floats = NDArray[np.float32]


def quantize(param: Path, calibration: Calibration) -> None:
    """Replace the fp32 net in `param` and the .bin beside it. UsageError where it has weights of other layers."""
    layers = read(param)
    if unknown := {layer.type for layer in layers} - _QUANTISED - _PLAIN:
        raise UsageError(f"no way to int8 for ncnn's layers {', '.join(sorted(unknown))}", "keep the net in fp16")
    scales = {blob: np.float32(_LARGEST / top) for blob, top in _tops(param, layers, calibration).items()}
    lines = param.read_text(encoding="utf-8").splitlines()
    source, out = BytesIO(param.with_suffix(".bin").read_bytes()), BytesIO()
    for place, layer in enumerate(layers):
        if layer.type in _QUANTISED:
            given = _next_scale(layers, layer, scales)
            lines[2 + place] += f" 8={_PER_FILTER + _HANDS_OVER * (given is not None)}"
            _write(out, layer, *_read(source, layer), [scales[layer.takes[0]], *([] if given is None else [given])])
    param.write_text("\n".join(lines) + "\n", encoding="utf-8")
    param.with_suffix(".bin").write_bytes(out.getvalue())


def _tops(param: Path, layers: Sequence[Layer], calibration: Calibration) -> Mapping[str, float]:
    """The largest magnitude in each blob that a quantised layer takes, over all images."""
    import ncnn

    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.num_threads = 1
    net.load_param(str(param))
    net.load_model(str(param.with_suffix(".bin")))
    tops = {layer.takes[0]: np.finfo(np.float32).tiny.item() for layer in layers if layer.type in _QUANTISED}
    for image in calibration:
        extractor = net.create_extractor()
        extractor.set_light_mode(False)  # which would let go of blobs that are asked for later
        extractor.input(net.input_indexes()[0], ncnn.Mat(image).clone())
        for blob, top in tops.items():
            tops[blob] = max(top, float(np.abs(np.array(extractor.extract(blob)[1])).max()))
    return tops


def _next_scale(layers: Sequence[Layer], layer: Layer, scales: Mapping[str, np.float32]) -> np.float32 | None:
    """Scale of what the layer makes, where nothing but quantised convolutions takes it, also by way of a Split."""
    if layer.type == "InnerProduct":
        return None
    takers = [each for each in layers if set(each.takes) & set(layer.makes)]
    ends = [each for each in takers if each.type != "Split"]
    for split in (each for each in takers if each.type == "Split"):
        ends += [each for each in layers if set(each.takes) & set(split.makes)]
    if not ends or any(each.type not in ("Convolution", "ConvolutionDepthWise") for each in ends):
        return None
    return scales[ends[0].takes[0]]


def _read(source: BytesIO, layer: Layer) -> tuple[Floats, Floats]:
    """The layer's weights, a row a filter, and its bias, empty where it has none."""
    told = {key: int(value) for key, value in layer.parameters.items() if value.lstrip("-").isdecimal()}
    filters = told["0"]
    size, has_bias = (told["2"], told.get("1", 0)) if layer.type == "InnerProduct" else (told["6"], told.get("5", 0))
    if source.read(4) != _FLOAT_TAG:
        raise UsageError(f"layer '{layer.name}' is not stored in fp32", "convert the fp32 net")
    weights = np.frombuffer(source.read(4 * size), np.float32).reshape(filters, -1)
    return weights, np.frombuffer(source.read(4 * filters * has_bias), np.float32)


def _write(out: BytesIO, layer: Layer, weights: Floats, bias: Floats, scales: Sequence[np.float32]) -> None:
    """Weights in int8, filled up to words of four bytes; then bias and scales in fp32."""
    tops = np.abs(weights).max(axis=1)
    per_filter = np.where(tops > 0, _largest(layer) / np.where(tops > 0, tops, 1), 1).astype(np.float32)
    stored = np.clip(np.rint(weights * per_filter[:, None]), -_LARGEST, _LARGEST).astype(np.int8).tobytes()
    out.write(_INT8_TAG + stored + bytes(-len(stored) % 4))
    for floats in (bias, per_filter, np.array(scales, np.float32)):
        out.write(floats.tobytes())


def _largest(layer: Layer) -> int:
    """Its kernels for 3 x 3 at step 1 add up int8 products of sums, which have room for 6 bits."""
    told = layer.parameters
    sizes = [(told.get(x, "1"), told.get(y, told.get(x, "1"))) for x, y in _SIZES]
    return _LARGEST_WINOGRAD if layer.type == "Convolution" and sizes == _WINOGRAD else _LARGEST


_INPUT_SHAPE = "2={} 1={} 0={}"
"""Channels, height and width of a layer Input."""


class Ncnn(Converter):
    """fp32; with the weights stored in fp16; or int8, with the images of all other formats."""

    format: ClassVar[Format] = "ncnn"
    tools = ("pnnx", "ncnn")
    extra = "convert-ncnn"
    own_settings = frozenset({"fp32", "fp16", "int8-static"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .param and .bin, the input's shape in the former: pnnx leaves it out, and ncnn has no other place."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
            param, weights = Path(folder, "net.param"), Path(folder, "net.bin")
            kept = Path(folder, "net.onnx")  # pnnx writes beside its source
            kept.write_bytes(order.source.read_bytes())
            half = f"fp16={int(order.setting == 'fp16')}"
            command: list[str | Path] = [_program(), kept, half, f"ncnnparam={param}", f"ncnnbin={weights}"]
            base.run_program("pnnx", command, kept.parent, [param, weights])
            sizes = _INPUT_SHAPE.format(*ModelVariant.parse(order.model).input_shape)
            text = re.sub(r"^(Input .*)$", rf"\1 {sizes}", param.read_text(encoding="utf-8"), flags=re.MULTILINE)
            param.write_text(text, encoding="utf-8")
            if order.setting == "int8-static":
                assert order.calibration is not None
                quantize(param, order.calibration)
            order.out.write_bytes(param.read_bytes())
            order.out.with_suffix(".bin").write_bytes(weights.read_bytes())


def _program() -> Path:
    """The program within the package, whose Python part would import torch."""
    found = importlib.util.find_spec("pnnx")
    program = Path(found.origin or "").parent / "pnnx" if found else Path()
    if not program.is_file():
        raise SetupError("the installed pnnx came without its program", "pip install --force-reinstall pnnx")
    return program
