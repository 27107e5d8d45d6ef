"""Changes too slow for a single night: the weekly pass, and the pass since a release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from harness.stats import benjamini_hochberg
from harness.stats.autocorrelation import integrated_time
from harness.stats.changepoint import noise_scale
from harness.stats.distributions import t_quantile, t_two_sided
from harness.stats.validation import FloatArray

from .settings import Evidence, Kind, Verdict

SPAN = 14
"""Nights at either end that are compared."""

LEAST_EFFECT = 0.02
"""Slow changes below 2 % may be seasonal (temperature, background services)."""


def slow_changes(values: FloatArray, first: npt.NDArray[np.int64], better: float, fdr: float) -> list[Verdict]:
    """Return a verdict for each series whose last fortnight differs from the first one since night `first`.

    The medians of both spans are compared by Student's t with the standard error s sqrt(pi/2 tau (1/n1 + 1/n2)): s and
    the autocorrelation time tau are those of the nights about a line between the spans, and pi/2 is the relative
    variance of the median. The FDR is controlled over all series.

    Args:
        values: Shape (series, nights): log night values in which more is worse; NaN where not measured.
        first: Shape (series,): first night that counts.
        better: +1 if less of the metric is good, else -1.
        fdr: False discovery rate.

    """
    tests = {s: t for s, row in enumerate(values) if (t := _test(row[first[s] :], better)) is not None}
    passing = benjamini_hochberg([verdict.p_value for verdict in tests.values()], fdr)
    return [
        replace(v, series=s)
        for (s, v), ok in zip(tests.items(), passing, strict=True)
        if ok and abs(np.log(v.ratio)) > np.log1p(LEAST_EFFECT)
    ]


def _test(row: FloatArray, better: float) -> Verdict | None:
    """Compare both ends of one series; None with fewer than two spans of measured nights."""
    known = row[~np.isnan(row)]
    if known.size < 2 * SPAN:
        return None
    before, after = float(np.median(known[:SPAN])), float(np.median(known[-SPAN:]))
    shift = after - before
    residuals = known - np.interp(np.arange(known.size), (SPAN / 2, known.size - SPAN / 2), (before, after))
    scale = max(noise_scale(residuals), 1e-4)
    tau = integrated_time(residuals)
    error = scale * np.sqrt(np.pi / 2 * tau * 2.0 / SPAN)
    df = max(1.0, 2 * SPAN / tau - 2.0)
    half = t_quantile(0.975, df) * error
    ends = sorted(float(np.exp(better * (shift + end))) for end in (-half, half))
    ratio = float(np.exp(better * shift))
    evidence = Evidence(
        "slow", float(np.exp(better * before)), float(np.exp(better * after)), 1.96 * scale, known.size, SPAN
    )
    kind: Kind = "regression" if shift > 0 else "improvement"
    return Verdict(None, kind, ratio, ends[0], ends[1], t_two_sided(shift / error, df), evidence)
