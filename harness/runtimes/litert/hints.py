"""What LiteRT's interpreter refuses, and what to do: above all, operators that it does not have and who has them."""

from __future__ import annotations

import re

from harness.runtimes.errors import Hint

INSTALL = "pip install ai-edge-litert"

FLEX = re.compile(r"Flex delegate|Select TensorFlow op|\(Flex\w+\)", re.IGNORECASE)
"""What the interpreters of all distributions say of a TensorFlow operator in a .tflite."""

_NO_FLEX = (
    "needs the Flex delegate, which only TensorFlow up to 2.18 has: pip install 'tensorflow<2.19' (Python 3.12 or "
    "older), whose interpreter is then taken for such files; or convert again without SELECT_TF_OPS"
)
_LIBRARY = "--runtime litert-delegate --runtime-option litert-delegate:library=PATH"
_BEFORE = "measure the file from before compiling"

_UNRESOLVED = "unresolved custom op: "
_MEDIAPIPE = (
    "Convolution2DTransposeBias|MaxPoolingWithArgmax2D|MaxUnpooling2D|TransformTensorBilinear|TransformLandmarks|"
    "Landmarks2TransformMatrix"
)
_NPU = rf"\1 is compiled for an NPU: on its board with the library of its maker, {_LIBRARY}; elsewhere {_BEFORE}"
_OWN = (
    rf"\1 is an operator of the model's own, which LiteRT has no kernel for: with a delegate library that has one, "
    rf"{_LIBRARY}; otherwise export the model without it"
)

HINTS: tuple[Hint, ...] = (
    (r"\(Flex(\w+)\) failed", rf"TensorFlow's operator \1 {_NO_FLEX}"),
    (FLEX.pattern, f"each of its TensorFlow operators {_NO_FLEX}"),
    (r"Op type not registered '(\w[^']*)'", r"\1 is an operator of a package beside TensorFlow: convert without it"),
    ("Op type not registered", "the file does not say which TensorFlow operator it means: convert the model again"),
    ("edgetpu-custom-op", "compiled for the Edge TPU: use the runtime edgetpu, or the file from before compiling"),
    ("(ethos-u)", rf"\1 is compiled by Vela for Arm's Ethos-U and runs on such a board alone: {_BEFORE}"),
    ("(DISPATCH_OP|vsi-npu)", _NPU),
    (rf"{_UNRESOLVED}(TFText>\w+|TFSentencepiece\w+)", r"\1 is of tensorflow-text: convert without the text step"),
    (rf"{_UNRESOLVED}({_MEDIAPIPE})", r"\1 is of MediaPipe, whose runtime is not measured here: convert without it"),
    (rf"{_UNRESOLVED}(odml\.\w+)", r"\1 is of a generative model, which LiteRT-LM runs and edgebench does not measure"),
    (rf"{_UNRESOLVED}(Signal\w+)", r"\1 is of TensorFlow Lite Micro: convert without it"),
    (rf"{_UNRESOLVED}(.+?)\.\s*See", _OWN),
    ("Flatbuffer|Could not open|not a valid|identifier", "the file is damaged or no .tflite: export it again"),
    ("find op for builtin|builtin_code out of range", f"the file is newer than this library: {INSTALL} -U"),
    ("failed to prepare", f"this release's kernel does not take such tensors: {INSTALL} -U, or another setting"),
    (
        "Invalid data-type for array",
        "an input or output is of bfloat16, which no array can hold: convert with floats",
    ),
    ("with an exception set", f"tflite-runtime needs NumPy 1: pip install 'numpy<2', or {INSTALL}"),
    ("cannot open shared object", "give the path: --runtime-option NAME:library=/path/to/delegate.so"),
    ("undefined symbol|tflite_plugin", "this library is no delegate, or is made for another version of LiteRT"),
    ("delegate", "device, driver and delegate must fit each other"),
)
