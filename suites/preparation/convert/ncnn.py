"""ncnn's .param and .bin, by its converter pnnx, and their quantization to int8.

The quantization does what ncnn's programs ncnn2table and ncnn2int8 do, which no wheel has. The input of a layer has one
scale, from its largest magnitude over the calibration images; weights have one scale per filter, and only 6 bits where
ncnn uses Winograd's algorithm. A layer outputs int8 where only quantized layers read it. Layers other than `_QUANTIZED`
compute in fp32. Sources in github.com/Tencent/ncnn: int8_scale_term of the layers for the parameters, ModelBin and
ModelWriter for the layout of the .bin.
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

_QUANTIZED = frozenset({"Convolution", "ConvolutionDepthWise", "InnerProduct"})
_PLAIN = frozenset(
    {
        *("BinaryOp", "Clip", "Concat", "Flatten", "HardSigmoid", "HardSwish", "Input", "Permute", "Pooling", "ReLU"),
        *("Reduction", "Reshape", "ShuffleChannel", "Sigmoid", "Slice", "Softmax", "Split", "Swish", "UnaryOp"),
    }
)
"""Types of layers without weights, which the .bin does not contain."""
_FLOAT_TAG, _INT8_TAG = b"\0\0\0\0", (0x000D4B38).to_bytes(4, "little")
_SCALE_PER_FILTER, _INT8_OUTPUT = 1, 100
"""Values of int8_scale_term, which are added."""
_MAX_LEVEL, _MAX_WINOGRAD_LEVEL = 127, 31
_SIZES = (("1", "11"), ("2", "12"), ("3", "13"))
"""Parameters of a convolution: kernel, dilation and stride, each along x and y."""
_WINOGRAD = [("3", "3"), ("1", "1"), ("1", "1")]

Floats = NDArray[np.float32]


def quantize(param: Path, calibration: Calibration) -> None:
    """Quantize the fp32 net in a .param file and the .bin beside it, in place.

    Raises:
        UsageError: The net has weights in layers that cannot be quantized.
    """
    layers = read(param)
    if unknown := {layer.type for layer in layers} - _QUANTIZED - _PLAIN:
        raise UsageError(f"ncnn's layers {', '.join(sorted(unknown))} cannot be quantized to int8", "use fp16")
    peaks = _input_peaks(param, layers, calibration)
    scales = {blob: np.float32(_MAX_LEVEL / peak) for blob, peak in peaks.items()}
    lines = param.read_text(encoding="utf-8").splitlines()
    source, out = BytesIO(param.with_suffix(".bin").read_bytes()), BytesIO()
    for index, layer in enumerate(layers):
        if layer.type in _QUANTIZED:
            output_scale = _output_scale(layers, layer, scales)
            lines[2 + index] += f" 8={_SCALE_PER_FILTER + _INT8_OUTPUT * (output_scale is not None)}"
            layer_scales = [scales[layer.takes[0]], *([] if output_scale is None else [output_scale])]
            _write_layer(out, layer, *_read_layer(source, layer), layer_scales)
    param.write_text("\n".join(lines) + "\n", encoding="utf-8")
    param.with_suffix(".bin").write_bytes(out.getvalue())


def _input_peaks(param: Path, layers: Sequence[Layer], calibration: Calibration) -> Mapping[str, float]:
    """Return the largest magnitude over all images of each blob that a quantized layer reads."""
    import ncnn

    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.num_threads = 1
    net.load_param(str(param))
    net.load_model(str(param.with_suffix(".bin")))
    peaks = {layer.takes[0]: np.finfo(np.float32).tiny.item() for layer in layers if layer.type in _QUANTIZED}
    for image in calibration:
        extractor = net.create_extractor()
        extractor.set_light_mode(False)  # light mode frees blobs that are extracted later
        extractor.input(net.input_indexes()[0], ncnn.Mat(image).clone())
        for blob, peak in peaks.items():
            peaks[blob] = max(peak, float(np.abs(np.array(extractor.extract(blob)[1])).max()))
    return peaks


def _output_scale(layers: Sequence[Layer], layer: Layer, scales: Mapping[str, np.float32]) -> np.float32 | None:
    """Return the scale of a layer's output if only quantized convolutions read it, directly or through a Split."""
    if layer.type == "InnerProduct":
        return None
    consumers = [other for other in layers if set(other.takes) & set(layer.makes)]
    readers = [other for other in consumers if other.type != "Split"]
    for split in (other for other in consumers if other.type == "Split"):
        readers += [other for other in layers if set(other.takes) & set(split.makes)]
    if not readers or any(other.type not in ("Convolution", "ConvolutionDepthWise") for other in readers):
        return None
    return scales[readers[0].takes[0]]


def _read_layer(source: BytesIO, layer: Layer) -> tuple[Floats, Floats]:
    """Read the weights of a layer, one row per filter, and its bias, empty where it has none."""
    parameters = {key: int(value) for key, value in layer.parameters.items() if value.lstrip("-").isdecimal()}
    filters = parameters["0"]
    size_key, bias_key = ("2", "1") if layer.type == "InnerProduct" else ("6", "5")
    size, has_bias = parameters[size_key], parameters.get(bias_key, 0)
    if source.read(4) != _FLOAT_TAG:
        raise UsageError(f"layer '{layer.name}' is not stored in fp32", "convert the fp32 net")
    weights = np.frombuffer(source.read(4 * size), np.float32).reshape(filters, -1)
    return weights, np.frombuffer(source.read(4 * filters * has_bias), np.float32)


def _write_layer(out: BytesIO, layer: Layer, weights: Floats, bias: Floats, scales: Sequence[np.float32]) -> None:
    """Write int8 weights, padded to a multiple of four bytes, then bias and scales in fp32."""
    peaks = np.abs(weights).max(axis=1)
    per_filter = np.where(peaks > 0, _max_level(layer) / np.where(peaks > 0, peaks, 1), 1).astype(np.float32)
    stored = np.clip(np.rint(weights * per_filter[:, None]), -_MAX_LEVEL, _MAX_LEVEL).astype(np.int8).tobytes()
    out.write(_INT8_TAG + stored + bytes(-len(stored) % 4))
    for floats in (bias, per_filter, np.array(scales, np.float32)):
        out.write(floats.tobytes())


def _max_level(layer: Layer) -> int:
    """Return the largest integer weight.

    Winograd kernels (3 x 3, stride 1) multiply sums of int8 values, which leaves 6 bits for weights.
    """
    parameters = layer.parameters
    sizes = [(parameters.get(x, "1"), parameters.get(y, parameters.get(x, "1"))) for x, y in _SIZES]
    return _MAX_WINOGRAD_LEVEL if layer.type == "Convolution" and sizes == _WINOGRAD else _MAX_LEVEL


_INPUT_SHAPE = "2={} 1={} 0={}"
"""Channels, height and width of a layer Input."""


class Ncnn(Converter):
    """fp32, fp16 weights, or int8 with the usual calibration images."""

    format: ClassVar[Format] = "ncnn"
    tools = ("pnnx", "ncnn")
    extra = "convert-ncnn"
    native_settings = frozenset({"fp32", "fp16", "int8-static"})

    def convert(self, request: ConversionRequest) -> None:
        """Write .param and .bin, with the input's shape in the .param, which pnnx leaves out."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
            param, weights = Path(folder, "net.param"), Path(folder, "net.bin")
            copy = Path(folder, "net.onnx")  # pnnx writes beside its source
            copy.write_bytes(request.source.read_bytes())
            fp16 = f"fp16={int(request.setting == 'fp16')}"
            command: list[str | Path] = [_program(), copy, fp16, f"ncnnparam={param}", f"ncnnbin={weights}"]
            base.run_program("pnnx", command, copy.parent, [param, weights])
            sizes = _INPUT_SHAPE.format(*ModelVariant.parse(request.model).input_shape)
            text = re.sub(r"^(Input .*)$", rf"\1 {sizes}", param.read_text(encoding="utf-8"), flags=re.MULTILINE)
            param.write_text(text, encoding="utf-8")
            if request.setting == "int8-static":
                assert request.calibration is not None
                quantize(param, request.calibration)
            request.out.write_bytes(param.read_bytes())
            request.out.with_suffix(".bin").write_bytes(weights.read_bytes())


def _program() -> Path:
    """Return the program in the package; the package's Python code would import torch.

    Raises:
        SetupError: The package does not contain it.
    """
    spec = importlib.util.find_spec("pnnx")
    program = Path(spec.origin or "").parent / "pnnx" if spec else Path()
    if not program.is_file():
        raise SetupError("the installed pnnx has no program", "pip install --force-reinstall pnnx")
    return program
