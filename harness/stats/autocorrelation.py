"""The effective sample size of an autocorrelated series.

Successive inferences share clock, cache and other load, so n samples hold less evidence than n independent ones. With
the integrated autocorrelation time tau = 1 + 2 * sum(rho_k, k >= 1) the effective sample size is n / tau, which every
interval here uses in place of n.

The uncertainty of a quantile q depends on the autocorrelation of the indicator 1{x > x_q}. One quantile is not enough:
a slow mode that takes 20 % of the time hardly shows at the median (rho_1 about .25), but fully at q = .9. So tau is
estimated at five quantiles, and the largest counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .validation import BoolArray, FloatArray, numbers

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Quantiles of the indicators; `docs/statistics.md` has the coverage that they give."""


def lag1(x: npt.ArrayLike) -> float:
    """Return the lag-1 autocorrelation of the series `x` (-1..1); 0 for a constant series.

    rho_1 = sum((x_i - m)(x_{i+1} - m)) / sum((x_i - m)^2). At least 2 values.
    """
    series = numbers("x", x)
    if series.size < 2:
        raise ValueError(f"x: at least 2 values needed for a lag, got {series.size}")
    return float(_autocorrelation(series)[1])


def effective_sample_size(x: npt.ArrayLike, quantiles: Sequence[float] = QUANTILES) -> float:
    """Return the number of independent samples (1..n) that the series `x` is worth at `quantiles`.

    n where no dependence is significant (an estimate of tau from independent samples only adds
    noise: it costs 10 to 30 % of them), otherwise n / tau with the largest tau.
    """
    series = numbers("x", x)
    if series.size == 0:
        raise ValueError("x: at least 1 value needed, got none")
    indicators = _indicators(series, quantiles)
    rho = [_autocorrelation(above.astype(np.float64)) for above in indicators]
    if not any(_dependent(r, above) for r, above in zip(rho, indicators, strict=True)):
        return float(series.size)
    return max(1.0, series.size / max(_unbiased(*_geyer(r), series.size) for r in rho))


def integrated_time(x: npt.ArrayLike) -> float:
    """Return tau >= 1 of the values of `x` themselves: var(mean) is var(x) tau / n. 1 for fewer than 4."""
    series = numbers("x", x)
    return _geyer(_autocorrelation(series))[0] if series.size >= 4 else 1.0


def _indicators(series: FloatArray, quantiles: Sequence[float]) -> list[BoolArray]:
    """Return 1{x > x_q} for each quantile, leaving out those that are all alike."""
    cuts = np.unique(np.quantile(series, quantiles, method="inverted_cdf"))
    above = [series > cut for cut in cuts]
    # with a coarse clock most samples may have the largest value: then the step below it counts
    above += [series >= cut for cut in cuts if not (series > cut).any()]
    return [a for a in above if a.any() and not a.all()]


def _autocorrelation(series: FloatArray) -> FloatArray:
    """Return rho_0..rho_{n-1} (biased estimator, as Geyer's method needs) by FFT."""
    centred = series - series.mean()
    largest = np.abs(centred).max()
    if np.ptp(series) == 0.0 or largest == 0.0:
        return np.concatenate(([1.0], np.zeros(series.size - 1)))
    centred /= largest  # so that squares neither overflow nor vanish
    spectrum = np.fft.rfft(centred, 2 * series.size)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum))[: series.size]
    return np.asarray(covariance / covariance[0])


def _geyer(rho: FloatArray) -> tuple[float, int]:
    """Return tau by Geyer's initial monotone positive sequence (Statistical Science 7, 1992, 3.3), and its terms.

    tau = -1 + 2 * sum(Gamma_m) with Gamma_m = rho_2m + rho_2m+1, summed while positive, each
    cut to the one before it; never below 1 (negative correlation earns no extra samples).
    """
    even = rho.size // 2 * 2
    pairs = rho[:even:2] + rho[1:even:2]
    ends = np.flatnonzero(pairs <= 0.0)
    pairs = np.minimum.accumulate(pairs[: ends[0] if ends.size else pairs.size])
    return max(1.0, float(-1.0 + 2.0 * pairs.sum())), 4 * pairs.size - 1


def _unbiased(tau: float, terms: int, n: int) -> float:
    """Return tau without the bias from subtracting the mean of the same series.

    Each autocovariance of the `terms` (lags on both sides) is too low by var(mean) = sigma^2 tau / n (Priestley,
    Spectral Analysis and Time Series, 1981, 5.3.3), hence tau by the share terms / n; at most .7 of it is corrected.
    """
    return tau / max(0.3, 1.0 - terms / n)


def _dependent(rho: FloatArray, above: BoolArray) -> bool:
    """Return whether the first 1, 2, 4, .. n/8 autocorrelations sum to more than chance allows.

    For independent samples each rho_k is about N(0, 1/n) (Bartlett 1946), so the sum of L of
    them has the standard error sqrt(L / n). The limit sqrt(2 ln n) standard errors is what the
    largest of n such figures reaches (Donoho & Johnstone, Biometrika 81, 1994). Two of m rare events
    may be adjacent by chance, which adds 1/m; that much is subtracted.
    """
    n = rho.size
    if n < 4:
        return False
    rare = min(int(above.sum()), n - int(above.sum()))
    sums = np.cumsum(rho[1:]) - 1.0 / rare
    spans = 2 ** np.arange(max(1, n // 8).bit_length())
    return bool(np.any(sums[spans - 1] * np.sqrt(n / spans) > np.sqrt(2.0 * np.log(n))))
