"""Full-size models with synthetic weights, shipped as compressed files and unpacked on first use.

Their latency, energy and memory are those of the architecture. They are not trained, so they have no accuracy.

    >>> from suites import synthetic
    >>> path = synthetic.find("mobilenet_v2-1.0-224", "fp32", "onnx").unpack(cache_dir())

``files`` lists and unpacks them, ``check`` runs one.
"""

from __future__ import annotations

from .files import ModelFile, available, find

__all__ = ["ModelFile", "available", "find"]
