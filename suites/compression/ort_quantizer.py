"""ONNX Runtime's quantizer, which the integer settings use for .onnx, and its activation ranges.

Ranges come from minimum and maximum, or from histograms that cut off outliers to get finer steps for the rest.
Histograms take two passes over the images with one image in memory: the first finds the extremes, the second counts.
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

TOOLS = ("onnxruntime", "onnx")

INT16_OPSET = 21
"""The first ONNX operator set whose QuantizeLinear takes 16 bits."""

MAX_IMAGES = 128
"""Images for the histograms: more cost minutes on a board and hardly change the ranges."""
BINS = 512
LEVELS = 256
"""Steps of 8 bits."""
PERCENTILE = 99.99
"""Share of values within the range, in per cent; half of the rest is cut off at each end."""

RANGE_PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "MinMax": {},
    "Entropy": {"bins": BINS, "levels": LEVELS, "images": MAX_IMAGES},
    "Percentile": {"bins": BINS, "percentile": PERCENTILE, "images": MAX_IMAGES},
}
"""Parameters that determine the ranges, by method, for the recipe."""

Activations = Callable[[], Iterable[Mapping[str, NDArray[np.float32]]]]
"""Starts a pass over the images: yields the activations of each image by name."""
Range = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Lower and upper end, as arrays without dimensions."""


def quantize_static(
    source: Path, out: Path, calibration: Calibration, *, method: str, per_channel: bool, activations: str
) -> None:
    """Quantize a model to QDQ form with int8 weights.

    Args:
        source: The float .onnx file.
        out: The file to write.
        calibration: Calibration images.
        method: How ranges are determined: 'MinMax', 'Entropy' or 'Percentile'.
        per_channel: Whether weights have one scale per output channel.
        activations: Name of the activations' QuantType, such as 'QUInt8'.
    """
    from onnxruntime.quantization import QDQQuantizer, QuantType
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    operators = sorted({*QLinearOpsRegistry, *QDQRegistry})
    with preprocessed_model(source, INT16_OPSET if activations.endswith("16") else None) as model:
        ranges = _calibrate(model, calibration, method, operators)
        quantizer = QDQQuantizer(
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
        quantizer.quantize_model()
        quantizer.model.save_model_to_file(out, False)


def _calibrate(model: Path, calibration: Calibration, method: str, operators: list[str]) -> Any:
    """Return the range of every activation that is quantized, as ONNX Runtime's quantizer takes it."""
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData, create_calibrator

    kind = CalibrationMethod.MinMax if method == "MinMax" else CalibrationMethod.Percentile
    calibrator = create_calibrator(model, operators, str(model.with_name("augmented.onnx")), kind)
    if method == "MinMax":
        calibrator.collect_data(calibration_reader(model, calibration))
        return calibrator.compute_data()
    session, names = calibrator.infer_session, sorted(calibrator.tensors_to_calibrate)
    input_name = session.get_inputs()[0].name

    def activations() -> Iterator[dict[str, Any]]:
        for batch in batches(model, calibration[:MAX_IMAGES]):
            yield dict(zip(names, session.run(names, {input_name: batch}), strict=True))

    return TensorsData(CalibrationMethod.MinMax, activation_ranges(activations, method))


def activation_ranges(activations: Activations, method: str) -> dict[str, Range]:
    """Return the range of each activation by `method`, 'Entropy' or 'Percentile'."""
    extremes: dict[str, tuple[float, float]] = {}
    for image in activations():
        for name, values in image.items():
            low, high = extremes.get(name, (np.inf, -np.inf))
            extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for image in activations():
        for name, values in image.items():
            counts[name] += _histogram(values, extremes[name], method)
    cut = _cut_by_entropy if method == "Entropy" else _cut_by_percentile
    ends = {name: cut(counts[name], extremes[name]) for name in extremes}
    return {name: (np.array(low, np.float32), np.array(high, np.float32)) for name, (low, high) in ends.items()}


def _histogram(values: NDArray[np.float32], extremes: tuple[float, float], method: str) -> NDArray[np.int64]:
    """Return the histogram of one image's values, for 'Entropy' of their magnitudes without zeros.

    Every range contains 0 exactly, and after an activation function zeros are so many that they would hide the error
    of all other values.
    """
    if method == "Percentile":
        return np.histogram(values, BINS, extremes)[0]
    return np.histogram(np.abs(values[values != 0]), BINS, (0.0, _max_magnitude(extremes)))[0]


def _max_magnitude(extremes: tuple[float, float]) -> float:
    """Return the largest magnitude; 1 where all values are zero."""
    return max(map(abs, extremes)) or 1.0


def _cut_by_percentile(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """Return the outer edges of the outermost bins that remain."""
    edges = np.linspace(*extremes, BINS + 1)
    share, cut = np.cumsum(counts) / counts.sum(), (1 - PERCENTILE / 100) / 2
    return float(edges[np.searchsorted(share, cut)]), float(edges[np.searchsorted(share, 1 - cut) + 1])


def _cut_by_entropy(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """Return the range whose quantized distribution of magnitudes is nearest to the true one, within the extremes.

    The candidate with the least Kullback-Leibler divergence (Migacz, '8-bit inference with TensorRT', 2017).
    """
    candidates = range(LEVELS, BINS + 1, 8)
    best = min(candidates, key=lambda n_bins: kl_divergence(counts, n_bins))
    magnitude = _max_magnitude(extremes) * best / BINS
    return max(extremes[0], -magnitude), min(extremes[1], magnitude)


def kl_divergence(counts: NDArray[np.int64], n_bins: int) -> float:
    """Return the Kullback-Leibler divergence of a clipped distribution from its quantized version, in nats.

    The clipped distribution has all counts beyond the first `n_bins` in its last bin. The quantized version has
    `LEVELS` steps; a step spreads its count evenly over those of its bins that are not empty.

    Args:
        counts: Histogram of magnitudes, from 0 upwards.
        n_bins: Number of bins that remain.
    """
    inside = counts[:n_bins]
    true = inside.astype(np.float64)
    true[-1] += counts[n_bins:].sum()
    step = np.arange(n_bins) * LEVELS // n_bins
    n_filled = np.bincount(step, inside > 0, LEVELS)
    quantized = np.where(inside > 0, (np.bincount(step, inside, LEVELS) / np.maximum(n_filled, 1))[step], 0.0)
    support = true > 0
    true = true[support] / true.sum()
    quantized = np.maximum(quantized[support] / max(quantized.sum(), 1.0), 1e-9)
    return float((true * np.log(true / quantized)).sum())


@contextmanager
def preprocessed_model(source: Path, opset: int | None = None) -> Iterator[Path]:
    """Write a copy of a float model with constants folded and all shapes inferred; it is deleted after the block.

    Args:
        source: The .onnx file.
        opset: Lowest operator set that the copy may have; None for any.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "prepared.onnx"
        if opset:
            onnx.save(_with_opset(source, opset), converted := Path(folder) / "raised.onnx")
        quant_pre_process(converted if opset else source, copy, skip_symbolic_shape=True)
        model = onnx.load(copy)
        _remove_leftovers(model)
        onnx.save(model, copy)
        yield copy


def _with_opset(source: Path, opset: int) -> Any:
    """Return the model, converted where its operator set is older than `opset`."""
    import onnx

    model = onnx.load(source)
    current = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return model if current >= opset else onnx.version_converter.convert_version(model, opset)


def _remove_leftovers(model: Any) -> None:
    """Remove shape information of weights, and imports of operator sets that no node uses.

    The quantizer transposes weights and then fails on their old shapes; the imports are left by the optimizer.
    """
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    _filter_in_place(graph.value_info, lambda info: info.name not in weights)
    domains = {node.domain for node in graph.node}
    _filter_in_place(model.opset_import, lambda entry: entry.domain in domains)


def _filter_in_place(items: Any, predicate: Callable[[Any], bool]) -> None:
    """Filter a repeated protobuf field."""
    remaining = [item for item in items if predicate(item)]
    del items[:]
    items.extend(remaining)


def calibration_reader(model: Path, calibration: Calibration) -> Any:
    """Return ONNX Runtime's calibration reader, which gives the images to the model's only input."""
    from onnxruntime.quantization import CalibrationDataReader

    info = _only_input(model)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = batches(model, calibration)

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self._batches, None)
            return None if batch is None else {info.name: batch}

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
