"""From what LiteRT's bindings say to what a user can do about it."""

from __future__ import annotations

from harness.runtimes.errors import Hint

INSTALL = "pip install ai-edge-litert"

HINTS: tuple[Hint, ...] = (
    ("edgetpu-custom-op", "compiled for the Edge TPU: use the runtime edgetpu, or the file from before compiling"),
    ("custom op|unresolved", "the operator is not built in: export without it, or try another runtime"),
    ("Flatbuffer|Could not open|not a valid|identifier", "the file is damaged or no .tflite: export it again"),
    ("find op for builtin|builtin_code out of range", f"the file is newer than this library: {INSTALL} -U"),
    ("failed to prepare", f"this release's kernel does not take such tensors: {INSTALL} -U, or another setting"),
    ("with an exception set", f"tflite-runtime needs NumPy 1: pip install 'numpy<2', or {INSTALL}"),
    ("cannot open shared object", "give the path: --runtime-option NAME:library=/path/to/delegate.so"),
    ("undefined symbol|tflite_plugin", "this library is no delegate, or is made for another version of LiteRT"),
    ("delegate", "device, driver and delegate must fit each other"),
)
"""The first that fits is told."""
