"""What ONNX Runtime refuses, and what to do: above all, operators that it does not have and who has them."""

from __future__ import annotations

from harness.runtimes.errors import Hint

OPERATORS = "custom_ops_library"
"""Key of `Options.settings` that holds the path of a library of operators; the others are options of the provider."""

EXTENSIONS, EXTENSIONS_DOMAIN = "onnxruntime_extensions", "ai.onnx.contrib:"
"""The package of operators that Microsoft keeps beside ONNX Runtime, and the beginning of their names."""

_UNREGISTERED = r"\(-1\) is not a registered function"
_OWN = (
    rf"\1 is an operator of the model's own: with its library for ONNX Runtime, --runtime-option "
    rf"NAME:{OPERATORS}=PATH; otherwise export the model without it"
)
_EXTENSION = r"\1 is of onnxruntime-extensions: pip install onnxruntime-extensions, which is then loaded"
_NO_KERNEL = r"the provider has no kernel of \1 for these types: another runtime, or export the model in fp32"
_UNKNOWN = r"this release knows no \1 in opset \2: pip install -U onnxruntime; onnx.checker says if there is one at all"

HINTS: tuple[Hint, ...] = (
    (rf"({EXTENSIONS_DOMAIN}\w+){_UNREGISTERED}", _EXTENSION),
    (rf"com\.microsoft:(\w+){_UNREGISTERED}", r"this release has no \1: pip install -U onnxruntime"),
    (rf"(org\.pytorch\.aten:\w+){_UNREGISTERED}", r"\1 is PyTorch's own: export without its fallback to ATen"),
    (rf"(TRT:\w+){_UNREGISTERED}", r"\1 is a plug-in of TensorRT: measure it on the runtime tensorrt"),
    (rf"(\S+:\w+){_UNREGISTERED}", _OWN),
    (r"Could not find an implementation for (\w+)", _NO_KERNEL),
    (r"No Op registered for (\w+) with domain_version of (\d+)", _UNKNOWN),
    ("IR version|opset|onnx version", "export with an older opset, or pip install -U onnxruntime"),
    ("NOT_IMPLEMENTED", "replace this operator in the net, or try another runtime"),
    ("ORT format|ORT model|flatbuffers?", "the .ort is damaged or of another release: convert the .onnx again"),
    ("PROTOBUF", "the file is damaged or no .onnx: copy or export it again"),
    ("shared object|libcud|libnvinfer", "a library of the provider is missing: see `edgebench runtimes`"),
    ("INVALID_GRAPH|Type Error|ShapeInference", "the graph is not valid: check it with onnx.checker, export it again"),
)
