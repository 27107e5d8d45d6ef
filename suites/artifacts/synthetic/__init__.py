"""Full-size nets with synthetic weights, shipped as compressed model files and unpacked on first use.

Latency, energy and memory of such a net are those of its architecture. It learnt nothing, so it has no accuracy.

    >>> from suites import synthetic
    >>> path = synthetic.find("mobilenet_v2-1.0-224", "fp32", "onnx").unpack(cache_dir())

``files`` lists and unpacks them, ``check`` runs one. ``make`` writes all that ships, ``weights`` sets the weights of
a net; both need the extra ``prepare``.
"""

from __future__ import annotations

from .files import ModelFile, available, find

__all__ = ["ModelFile", "available", "find"]
