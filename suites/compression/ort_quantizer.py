"""ONNX Runtime's quantizer, which the integer settings use for .onnx, and its activation ranges.

Ranges come from minimum and maximum, or from histograms that cut off outliers for finer steps elsewhere. Histograms
take two passes over the images, one image in memory at a time: the first finds the extremes, the second counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Calibration

Activations = Callable[[], Iterable[Mapping[str, NDArray[np.float32]]]]
"""Starts a pass: the activations by name, image after image."""
Range = tuple[NDArray[np.float32], NDArray[np.float32]]

IMAGES = 128
"""Images looked at: on a board more cost minutes, and move the ranges little."""
BINS = 512
LEVELS = 256
"""Steps of 8 bits."""
PERCENTILE = 99.99
"""Share of values in percent that stays within the range; half of the rest is cut off each end."""

PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "MinMax": {},
    "Entropy": {"bins": BINS, "levels": LEVELS, "images": IMAGES},
    "Percentile": {"bins": BINS, "percentile": PERCENTILE, "images": IMAGES},
}
"""What decides the ranges, by method, for the recipe."""


def ranges(activations: Activations, method: str) -> dict[str, Range]:
    """Lower and upper end of each activation by ``method``, 'Entropy' or 'Percentile'."""
    extremes: dict[str, tuple[float, float]] = {}
    for image in activations():
        for name, values in image.items():
            low, high = extremes.get(name, (np.inf, -np.inf))
            extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for image in activations():
        for name, values in image.items():
            counts[name] += _counted(values, extremes[name], method)
    cut = _by_entropy if method == "Entropy" else _by_percentile
    ends = {name: cut(counts[name], extremes[name]) for name in extremes}
    return {name: (np.array(low, np.float32), np.array(high, np.float32)) for name, (low, high) in ends.items()}


def _counted(values: NDArray[np.float32], extremes: tuple[float, float], method: str) -> NDArray[np.int64]:
    """The histogram of one image: of the values, or for 'Entropy' of their sizes.

    Zeros do not count there: every range holds 0 exactly, and after an activation function they are so many that
    they would hide what happens to all others.
    """
    if method == "Percentile":
        return np.histogram(values, BINS, extremes)[0]
    return np.histogram(np.abs(values[values != 0]), BINS, (0.0, _size(extremes)))[0]


def _size(extremes: tuple[float, float]) -> float:
    """The largest magnitude; 1 where all is zero."""
    return max(map(abs, extremes)) or 1.0


def _by_percentile(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """The ends of the outermost bins that are not cut off."""
    edges = np.linspace(*extremes, BINS + 1)
    share, cut = np.cumsum(counts) / counts.sum(), (1 - PERCENTILE / 100) / 2
    return float(edges[np.searchsorted(share, cut)]), float(edges[np.searchsorted(share, 1 - cut) + 1])


def _by_entropy(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """The size up to which ``LEVELS`` steps tell least wrong of the distribution of sizes.

    Least Kullback-Leibler divergence over the candidates (Migacz, '8-bit inference with TensorRT', 2017); a range
    never leaves what was seen.
    """
    candidates = range(LEVELS, BINS + 1, 8)
    best = min(candidates, key=lambda kept: divergence(counts, kept))
    size = _size(extremes) * best / BINS
    return max(extremes[0], -size), min(extremes[1], size)


def divergence(counts: NDArray[np.int64], kept: int) -> float:
    """Of the ``kept`` first bins, with all beyond them put into the last, from their ``LEVELS``-step version, in nats.

    ``counts`` from size 0 upwards. A step spreads its count evenly over those of its bins that hold any.
    """
    inside = counts[:kept]
    true = inside.astype(np.float64)
    true[-1] += counts[kept:].sum()
    step = np.arange(kept) * LEVELS // kept
    filled = np.bincount(step, inside > 0, LEVELS)
    told = np.where(inside > 0, (np.bincount(step, inside, LEVELS) / np.maximum(filled, 1))[step], 0.0)
    held = true > 0
    true, told = true[held] / true.sum(), np.maximum(told[held] / max(told.sum(), 1.0), 1e-9)
    return float((true * np.log(true / told)).sum())


TOOLS = ("onnxruntime", "onnx")

OPSET_16_BIT = 21
"""The first ONNX operator set whose QuantizeLinear takes 16 bits."""


def quantise_static(
    source: Path, out: Path, calibration: Calibration, *, method: str, per_channel: bool, activations: str
) -> None:
    """Quantise to QDQ with ``activations`` of that type and int8 weights.

    ``method`` finds the ranges of activations: 'MinMax', or one of `suites.compression.ort_quantizer`.
    """
    from onnxruntime.quantization import QDQQuantizer, QuantType
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    operators = sorted({*QLinearOpsRegistry, *QDQRegistry})
    with prepared(source, OPSET_16_BIT if activations.endswith("16") else None) as model:
        ranges = _ranges(model, calibration, method, operators)
        quantiser = QDQQuantizer(
            load_model_with_shape_infer(model),
            per_channel,
            False,  # weights take their full range: VNNI does not saturate
            QuantType.QInt8,
            QuantType[activations],
            ranges,
            [],
            [],
            operators,
            {},
        )
        quantiser.quantize_model()
        quantiser.model.save_model_to_file(out, False)


def _ranges(model: Path, calibration: Calibration, method: str, operators: list[str]) -> Any:
    """The range of every activation that is quantised, as ONNX Runtime's quantiser takes it."""
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, create_calibrator

    kind = CalibrationMethod.MinMax if method == "MinMax" else CalibrationMethod.Percentile
    calibrator = create_calibrator(model, operators, str(model.with_name("augmented.onnx")), kind)
    if method == "MinMax":
        calibrator.collect_data(reader(model, calibration))
        return calibrator.compute_data()
    session, wanted = calibrator.infer_session, sorted(calibrator.tensors_to_calibrate)
    name = session.get_inputs()[0].name

    def activations() -> Iterator[dict[str, Any]]:
        for batch in batches(model, calibration[:IMAGES]):
            yield dict(zip(wanted, session.run(wanted, {name: batch}), strict=True))

    return TensorsData(CalibrationMethod.MinMax, ranges(activations, method))


@contextmanager
def prepared(source: Path, opset: int | None = None) -> Iterator[Path]:
    """A copy of the float model with constants folded and all shapes inferred, which lasts as long as the block.

    ``opset`` is the least operator set it has to have.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "prepared.onnx"
        if opset:
            onnx.save(_raised(source, opset), raised := Path(folder) / "raised.onnx")
        quant_pre_process(raised if opset else source, plain, skip_symbolic_shape=True)
        model = onnx.load(plain)
        _tidy(model)
        onnx.save(model, plain)
        yield plain


def _raised(source: Path, opset: int) -> Any:
    """The model in the operator set, where its own is older."""
    import onnx

    model = onnx.load(source)
    own = max(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    return model if own >= opset else onnx.version_converter.convert_version(model, opset)


def _tidy(model: Any) -> None:
    """Drop the shapes noted beside the weights and the imports of operator sets that no node uses.

    The quantiser transposes weights and then trips over their old shapes; the imports are left by the optimiser.
    """
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    _keep(graph.value_info, lambda info: info.name not in weights)
    domains = {node.domain for node in graph.node}
    _keep(model.opset_import, lambda opset: opset.domain in domains)


def _keep(items: Any, wanted: Callable[[Any], bool]) -> None:
    """Filter a repeated protobuf field in place."""
    kept = [item for item in items if wanted(item)]
    del items[:]
    items.extend(kept)


def reader(model: Path, calibration: Calibration) -> Any:
    """Return ONNX Runtime's calibration reader, which gives the images to the model's one input."""
    from onnxruntime.quantization import CalibrationDataReader

    entry = _only_input(model)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = batches(model, calibration)

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self._batches, None)
            return None if batch is None else {entry.name: batch}

    return Reader()


def batches(model: Path, calibration: Calibration) -> Iterator[NDArray[np.float32]]:
    """Yield the images one at a time, or as many as the model's input fixes, the last one repeated to fill a batch."""
    dims = _only_input(model).type.tensor_type.shape.dim
    size = max(1, dims[0].dim_value) if dims else 1  # 0 where it is dynamic
    for start in range(0, len(calibration), size):
        batch = calibration[start : start + size]
        yield np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])


def _only_input(model: Path) -> Any:
    import onnx

    (entry,) = onnx.load(model, load_external_data=False).graph.input
    return entry
