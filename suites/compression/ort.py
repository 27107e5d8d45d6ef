"""ONNX Runtime's quantiser, which the integer settings use for .onnx."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suites.compression.base import Calibration

TOOLS = ("onnxruntime", "onnx")


@contextmanager
def prepared(source: Path) -> Iterator[Path]:
    """A copy of the float model with constants folded and all shapes inferred, which lasts as long as the block."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "prepared.onnx"
        quant_pre_process(source, plain, skip_symbolic_shape=True)
        model = onnx.load(plain)
        _tidy(model)
        onnx.save(model, plain)
        yield plain


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
