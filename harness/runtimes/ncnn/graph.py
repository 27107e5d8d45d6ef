"""An ncnn graph: the checked .param file, and precision and time of its layers.

ncnn itself follows wrong counts in a .param out of its memory, so the file is checked first.

Layout of the text: a magic number; the numbers of layers and blobs; then one line a layer with its type, its name, how
many blobs it takes and makes, their names, and parameters as 'key=value' (docs/developer-guide of Tencent/ncnn).

An Extractor computes as far as the blob that is requested. Outside its light mode it keeps every blob, so that
requesting one after the other runs one layer after the other; layers that would work in place then copy first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision
from harness.runtimes.base import SessionError
from harness.runtimes.operator_profile import Inference, summarise

_MAGIC = "7767517"
_WIDTH, _HEIGHT, _CHANNELS, _DEPTH = "0", "1", "2", "11"
"""Parameters of a layer Input: its sizes, 0 or none where they are open."""
_FILTERS, _KERNEL_WIDTH, _KERNEL_HEIGHT, _WEIGHTS = "0", "1", "11", "6"
"""Of a layer Convolution; without a height it is the width."""
_CONVERT = "convert the net again, with the tools of the ncnn that runs it"


@dataclass(frozen=True)
class Layer:
    """One line of the file; `parameters` are as written there, by key."""

    type: str
    name: str
    takes: Sequence[str]
    makes: Sequence[str]
    parameters: Mapping[str, str]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Channels, depth, height and width of an Input as far as the file tells them; () where it tells none."""
        known = [self.number(key) for key in (_CHANNELS, _DEPTH, _HEIGHT, _WIDTH)]
        return tuple(size for size in known if size > 0)

    def number(self, key: str) -> int:
        """Return a parameter that is a whole number, 0 where there is none; ValueError where it is something else."""
        return int(self.parameters.get(key, "0"))


def read(path: Path) -> list[Layer]:
    """Return the layers in the file's order; SessionError where the file is no .param or contradicts itself."""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines or lines[0].strip() != _MAGIC:
        raise SessionError(f"{path.name} does not begin with {_MAGIC}: no text .param of ncnn", _CONVERT)
    try:
        n_layers, n_blobs = (int(word) for word in lines[1].split())
        layers = [_layer(line) for line in lines[2:]]
        _check(layers, n_layers, n_blobs)
    except (ValueError, IndexError) as error:
        raise SessionError(f"{path.name} is damaged: {error}", _CONVERT) from error
    return layers


def channels_into(layers: Sequence[Layer], blob: str) -> int:
    """Return the channels that the convolution which takes `blob` has weights for; 0 where none takes it.

    ncnn does not compare: given more or fewer, it reads out of bounds.
    """
    taker = next((layer for layer in layers if layer.type == "Convolution" and blob in layer.takes), None)
    if taker is None:
        return 0
    width, height = taker.number(_KERNEL_WIDTH), taker.number(_KERNEL_HEIGHT)
    filters = taker.number(_FILTERS) * width * (height or width)
    return taker.number(_WEIGHTS) // filters if filters else 0


def _layer(line: str) -> Layer:
    kind, name, *words = line.split()
    n_takes, n_makes = int(words[0]), int(words[1])
    takes, makes = words[2 : 2 + n_takes], words[2 + n_takes : 2 + n_takes + n_makes]
    parameters = [word.partition("=") for word in words[2 + n_takes + n_makes :]]
    if len(makes) != n_makes or not all(equals for _, equals, _ in parameters):
        raise ValueError(f"layer '{name}' does not have the {n_takes} + {n_makes} blobs it claims")
    return Layer(kind, name, takes, makes, {key: value for key, _, value in parameters})


def _check(layers: Sequence[Layer], n_layers: int, n_blobs: int) -> None:
    """Raise ValueError where the counts at the top differ, or a blob is made twice or never."""
    if len(layers) != n_layers:
        raise ValueError(f"it has {len(layers)} layers and claims {n_layers}")
    outputs: list[str] = []
    for layer in layers:
        if missing := set(layer.takes).difference(outputs):
            raise ValueError(f"nothing before layer '{layer.name}' makes its input '{min(missing)}'")
        outputs += layer.makes
        if len(set(outputs)) < len(outputs):
            raise ValueError(f"layer '{layer.name}' makes a blob that an earlier layer makes")
        if layer.type == "Input":
            _check_input(layers, layer)
    if len(outputs) != n_blobs:
        raise ValueError(f"its layers make {len(outputs)} blobs and it claims {n_blobs}")


def _check_input(layers: Sequence[Layer], layer: Layer) -> None:
    """Raise ValueError where the input is not one blob, or its shape is not made of numbers."""
    if len(layer.makes) != 1:
        raise ValueError(f"input '{layer.name}' makes {len(layer.makes)} blobs, not one")
    try:
        _ = layer.sizes, channels_into(layers, layer.makes[0])
    except ValueError as error:
        raise ValueError(f"the shape of input '{layer.name}' has no number: {error}") from error


PROVIDER = "ncnn"
WARMUP = 3
_AS_IT_IS = 1
"""Type of extraction: the blob without the conversion to unpacked fp32 that an output gets."""
_QUANTISED = {
    **dict.fromkeys(("Convolution", "ConvolutionDepthWise", "InnerProduct", "LSTM", "GRU", "RNN"), "8"),
    **dict.fromkeys(("Gemm", "MultiHeadAttention"), "18"),
}
"""Layers with weights, and which of their parameters (int8_scale_term) says that those are int8."""
_WEIGHTED = {
    *_QUANTISED,
    *("Convolution1D", "Convolution3D", "ConvolutionDepthWise1D", "ConvolutionDepthWise3D", "Deconvolution"),
    *("DeconvolutionDepthWise", "DeformableConv2D", "MatMul"),
}


def read_execution(library: Any, net: Any, layers: Sequence[Layer], extractor: Any) -> Execution:
    """Return the precision of the layers with weights, by the blobs they made from the inputs of `extractor`."""
    blobs = zip(layers, _blobs(library, net, extractor), strict=True)
    return Execution(
        effective=effective_precision(
            _precision(library, net.opt, layer, blob) for layer, blob in blobs if layer.type in _WEIGHTED
        ),
        evidence="sizes of the elements that each layer made, use_fp16_arithmetic, int8_scale_term",
        nodes={PROVIDER: sum(layer.type != "Input" for layer in layers)},
    )


def _blobs(library: Any, net: Any, extractor: Any) -> Iterator[Any]:
    """Yield the first blob of each layer, computed when it is requested."""
    extractor.set_light_mode(False)
    for layer in net.layers():
        blob = library.Mat()
        extractor.extract(layer.tops[0], blob, _AS_IT_IS)
        yield blob


def _precision(library: Any, option: Any, layer: Layer, blob: Any) -> str:
    """Return what a layer computed in: 16-bit elements without a kernel for them are storage, widened to compute."""
    if option.use_int8_inference and layer.parameters.get(_QUANTISED.get(layer.type, ""), "0") != "0":
        return "int8"
    if blob.elembits() != 16:
        return "fp32"
    if option.use_bf16_storage:
        return "bf16"
    return "fp16" if option.use_fp16_arithmetic and library.cpu_support_arm_asimdhp() else "fp32"


def profile(
    library: Any, net: Any, layers: Sequence[Layer], n: int, new_extractor: Callable[[], Any]
) -> OperatorProfile:
    """Time `n` inferences layer by layer, each on a `new_extractor` with its inputs set."""
    for _ in range(WARMUP):
        _inference(library, net, layers, new_extractor())
    return summarise(PROVIDER, [_inference(library, net, layers, new_extractor()) for _ in range(n)])


def _inference(library: Any, net: Any, layers: Sequence[Layer], extractor: Any) -> Inference:
    timings: list[OperatorTiming] = []
    started = before = time.perf_counter_ns()
    for layer, blob in zip(layers, _blobs(library, net, extractor), strict=True):
        taken = time.perf_counter_ns() - before
        if layer.type != "Input":
            dtype = _precision(library, net.opt, layer, blob)
            timings.append(OperatorTiming(layer.name, layer.type, PROVIDER, float(taken), dtype=dtype))
        before = time.perf_counter_ns()
    return Inference(float(time.perf_counter_ns() - started), timings)
