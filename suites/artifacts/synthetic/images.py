"""Seeded pictures: what synthetic nets are scaled, quantised and checked with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LIMIT = 2.5


def images(seed: int, count: int, edge: int, channels: int = 3) -> NDArray[np.float32]:
    """Make ``count`` x ``channels`` x ``edge`` x ``edge`` pictures of mean 0, variance about 1, within +-2.5.

    The amplitude falls as 1/f, as in natural pictures (Field 1987, J. Opt. Soc. Am. A 4:2379): large smooth areas and
    edges at every size. White noise would tell a convolution nothing of its sum, smooth ramps nothing of its edges.
    """
    noise = np.random.default_rng(seed).standard_normal((count, channels, edge, edge))
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None, :]) + 1 / edge
    smooth = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=(edge, edge))
    smooth -= smooth.mean(axis=(1, 2, 3), keepdims=True)
    smooth /= smooth.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(smooth, -_LIMIT, _LIMIT).astype(np.float32)
