"""Which images a net classified as labelled, as a log keeps it: one bit an image, so that nets compare in pairs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
"""One an image, in the order of the data set."""


def packed(hits: Hits) -> str:
    """Base64 of the bits, the first image's highest."""
    return base64.b64encode(np.packbits(hits).tobytes()).decode()


def unpacked(text: str, count: int) -> Hits:
    """The first ``count`` of what `packed` wrote."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(np.bool_)


def logged(log: Path, count: int) -> Hits:
    """What the last line of a tuning's log says of ``count`` test images."""
    return unpacked(json.loads(log.read_text().splitlines()[-1])["test_right"], count)
