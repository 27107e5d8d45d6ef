"""Published nets at full size, shipped as graphs without weights and filled on first use with seeded ones.

Latency, energy and memory of such a net are real; it knows nothing of pictures, so it has no accuracy.

    >>> from suites.skeletons import available, fill
    >>> path = fill("mobilenet_v2-1.0-224", "fp32", "onnx", cache_dir)

``weights`` holds the rule, ``manifest`` the tables, ``fill`` the making, ``check`` a trial run; ``build`` makes what
is shipped (extra ``prepare``).
"""

from __future__ import annotations

from suites.skeletons.check import check
from suites.skeletons.fill import fill
from suites.skeletons.manifest import Skeleton, available, find

__all__ = ["Skeleton", "available", "check", "fill", "find"]
