"""ONNX Runtime's quantiser, which the integer settings use for .onnx."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import histogram
from .base import Calibration

TOOLS = ("onnxruntime", "onnx")

OPSET_16_BIT = 21
"""The first ONNX operator set whose QuantizeLinear takes 16 bits."""


def quantise_static(
    source: Path, out: Path, calibration: Calibration, *, method: str, per_channel: bool, activations: str
) -> None:
    """Quantise to QDQ with ``activations`` of that type and int8 weights.

    ``method`` finds the ranges of activations: 'MinMax', or one of `suites.compression.histogram`.
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
        for image in calibration[: histogram.IMAGES]:
            yield dict(zip(wanted, session.run(wanted, {name: image[None]}), strict=True))

    return TensorsData(CalibrationMethod.MinMax, histogram.ranges(activations, method))


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
    """ONNX Runtime's calibration reader, giving one image at a time to the model's one input."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader

    (entry,) = onnx.load(model, load_external_data=False).graph.input

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._images = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self._images, None)
            return None if image is None else {entry.name: image[None]}

    return Reader()
