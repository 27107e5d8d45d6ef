"""What to do about a refusal of ONNX Runtime's, by what its message holds."""

from __future__ import annotations

from harness.runtimes.errors import Hint

HINTS: tuple[Hint, ...] = (
    ("IR version|opset|onnx version", "export with an older opset, or pip install -U onnxruntime"),
    ("not a registered function|NOT_IMPLEMENTED", "replace this operator in the net, or try another runtime"),
    ("PROTOBUF", "the file is damaged or no .onnx: copy or export it again"),
    ("shared object|libcud|libnvinfer", "a library of the provider is missing: see `edgebench runtimes`"),
    ("INVALID_GRAPH|Type Error|ShapeInference", "the graph is not valid: check it with onnx.checker, export it again"),
)
