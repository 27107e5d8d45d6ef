"""What ncnn's layers did, one by one: the precision they computed in, and their time.

An Extractor computes as far as the blob that is asked of it. Outside its light mode it keeps every blob, so that
asking for one after the other runs one layer after the other; layers that would work in place then copy first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective
from harness.runtimes.operator_profile import Inference, summarise

from .graph import Layer

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


def told_by(library: Any, net: Any, layers: Sequence[Layer], extractor: Any) -> Execution:
    """Precision of the layers with weights, by the blobs they made from the inputs that `extractor` was given."""
    made = zip(layers, _blobs(library, net, extractor), strict=True)
    return Execution(
        effective=effective(
            _precision(library, net.opt, layer, blob) for layer, blob in made if layer.type in _WEIGHTED
        ),
        evidence="sizes of the elements that each layer made, use_fp16_arithmetic, int8_scale_term",
        nodes={PROVIDER: sum(layer.type != "Input" for layer in layers)},
    )


def _blobs(library: Any, net: Any, extractor: Any) -> Iterator[Any]:
    """The first blob of each layer, computed when it is asked for."""
    extractor.set_light_mode(False)
    for layer in net.layers():
        blob = library.Mat()
        extractor.extract(layer.tops[0], blob, _AS_IT_IS)
        yield blob


def _precision(library: Any, option: Any, layer: Layer, blob: Any) -> str:
    """Elements of 16 bits that no kernel computes with were stored so, and widened for the arithmetic."""
    if option.use_int8_inference and layer.parameters.get(_QUANTISED.get(layer.type, ""), "0") != "0":
        return "int8"
    if blob.elembits() != 16:
        return "fp32"
    if option.use_bf16_storage:
        return "bf16"
    return "fp16" if option.use_fp16_arithmetic and library.cpu_support_arm_asimdhp() else "fp32"


def profile(library: Any, net: Any, layers: Sequence[Layer], n: int, fed: Callable[[], Any]) -> OperatorProfile:
    """Time `n` inferences layer by layer, each on a new extractor that `fed` gave its inputs."""
    for _ in range(WARMUP):
        _inference(library, net, layers, fed())
    return summarise(PROVIDER, [_inference(library, net, layers, fed()) for _ in range(n)])


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
