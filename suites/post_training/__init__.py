"""A user's own float .onnx under every setting that needs no training: `edgebench run --model FILE --compress all`.

``graph`` checks that the file can be compressed, ``split`` divides the images, ``build_cache`` builds files and keeps
them, ``onnx_to_tflite`` converts, ``compressed`` turns it all into cases.
"""

from __future__ import annotations

from .compressed import CompressedModel, chosen
from .split import Split

__all__ = ["CompressedModel", "Split", "chosen"]
