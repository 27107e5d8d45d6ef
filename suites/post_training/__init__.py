"""A user's own float .onnx under every setting that needs no training: `edgebench run --model FILE --compress all`.

``graph`` looks whether the file can be started from, ``split`` parts the images, ``workshop`` builds and keeps the
files, ``litert`` converts, ``compressed`` makes cases of it all.
"""

from __future__ import annotations

from .compressed import CompressedModel, chosen
from .split import Split

__all__ = ["CompressedModel", "Split", "chosen"]
