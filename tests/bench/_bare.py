"""The loops that everyone writes around a library, on one thread: what `adapters.py` holds the harness against."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np


def bare_executorch(model: Path, seconds: float) -> float:
    """The loop everyone writes around ExecuTorch's method, on one thread; the median in nanoseconds."""
    import torch
    from executorch.extension.pybindings import portable_lib

    portable_lib._unsafe_reset_threadpool(1)
    program = portable_lib._load_program(str(model))
    method = program.load_method("forward")
    method.set_inputs([torch.rand(tuple(method.method_meta().input_tensor_meta(0).sizes()))])
    return _timed(method.execute, seconds)


def bare_ncnn(model: Path, seconds: float) -> float:
    """The same around ncnn's Extractor, in fp32."""
    import ncnn

    from harness.runtimes.ncnn.graph import read

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(str(model))
    net.load_model(str(model.with_suffix(".bin")))
    image = ncnn.Mat(np.random.default_rng(0).random(read(model)[0].sizes, np.float32)).clone()
    (given,), (asked,), answer = net.input_indexes(), net.output_indexes(), ncnn.Mat()

    def call() -> None:
        extractor = net.create_extractor()
        extractor.input(given, image)
        extractor.extract(asked, answer)

    return _timed(call, seconds)


def bare_mnn(model: Path, seconds: float) -> float:
    """The same around MNN's runSession, with the input that it needs anew each time."""
    import MNN

    net = MNN.Interpreter(str(model))
    session = net.createSession({"backend": "CPU", "numThread": 1, "precision": "high"})
    given = net.getSessionInput(session)
    image = np.random.default_rng(0).random(given.getShape(), np.float32)
    host = MNN.Tensor(given.getShape(), MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe)

    def call() -> None:
        given.copyFrom(host)
        net.runSession(session)

    return _timed(call, seconds)


def _timed(call: Callable[[], object], seconds: float) -> float:
    """Median nanoseconds of the calls within that time, a fifth of them left out as warm-up."""
    samples: list[int] = []
    deadline = time.perf_counter() + seconds + 0.5
    while time.perf_counter() < deadline:
        before = time.perf_counter_ns()
        call()
        samples.append(time.perf_counter_ns() - before)
    return statistics.median(samples[len(samples) // 5 :])


BARE: Mapping[str, Callable[[Path, float], float]] = {
    ".pte": bare_executorch,
    ".param": bare_ncnn,
    ".mnn": bare_mnn,
}
