"""Compare B with A over pairs of processes, by ranks instead of normal theory.

The processes of a pair run one after the other in randomised order (ABBA), so that drift of the machine cancels in the
log ratio of the pair. The test is Wilcoxon's signed rank test, the estimate that of Hodges and Lehmann with its
interval (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, 3.1-3.3). Both assume only that log ratios are
distributed symmetrically.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .distributions import signed_rank_pmf, signed_sum_pmf, t_quantile
from .validation import FloatArray, at_least, fraction, process_medians

Outcome = Literal["faster", "slower", "same", "undecided"]


@dataclass(frozen=True)
class Comparison:
    """B relative to A.

    Attributes:
        ratio: Latency of B over that of A.
        lo: Lower end of its interval.
        hi: Upper end of its interval.
        verdict: 'same' if the whole interval lies within the margin of 1, else 'slower' (or 'faster') if all of it
            lies above (below) 1 and the test agrees, else 'undecided'.
        p_value: Exact two-sided p-value of Wilcoxon's signed rank test.
        pairs: Number of pairs.
        pairs_slower: Pairs in which B took longer.

    """

    ratio: float
    lo: float
    hi: float
    verdict: Outcome
    p_value: float
    pairs: int
    pairs_slower: int


def ab(
    a_processes: Sequence[npt.ArrayLike],
    b_processes: Sequence[npt.ArrayLike],
    same_within: float = 0.02,
    level: float = 0.95,
) -> Comparison:
    """Compare B with A over pairs of processes.

    Fewer than 6 pairs are never faster or slower at 95 %, since the smallest p-value is 2 / 2^pairs.

    Args:
        a_processes: Processes of A: vectors of latencies > 0, of which the median counts, or medians.
        b_processes: Processes of B in the same unit; `b_processes[i]` ran next to `a_processes[i]`.
        same_within: Margin of 'same'; 0.02 means ratios of 1/1.02 .. 1.02.
        level: Confidence of the interval; for a sequential test that of `stats.look_level`.

    Raises:
        ValueError: The numbers of processes differ, there are fewer than 2 pairs, or samples are bad.

    """
    fraction("level", level)
    at_least("same_within", same_within, 0.0)
    a = process_medians("a_processes", a_processes, scalars=True)
    b = process_medians("b_processes", b_processes, scalars=True)
    if a.size != b.size or a.size < 2:
        raise ValueError(f"pairs of processes: as many of A as of B and at least 2 needed, got {a.size} and {b.size}")
    logs = np.log(b / a)
    middle, lo, hi = hodges_lehmann(logs, level)
    p_value = wilcoxon(logs)
    verdict = _verdict(lo, hi, p_value <= 1.0 - level, float(np.log1p(same_within)))
    ratio, low, high = (float(np.exp(x)) for x in (middle, lo, hi))
    return Comparison(ratio, low, high, verdict, p_value, logs.size, int((logs > 0).sum()))


def _verdict(lo: float, hi: float, differs: bool, margin: float) -> Outcome:
    if -margin <= lo and hi <= margin:
        return "same"
    if differs and lo > 0.0:
        return "slower"
    if differs and hi < 0.0:
        return "faster"
    return "undecided"


def wilcoxon(differences: FloatArray) -> float:
    """Return the two-sided p-value that `differences` are symmetric about 0.

    Exact at every size and under ties (mid-ranks over all 2^n signs); zeros are dropped, as
    Wilcoxon (1945) did. 1 if nothing is left.
    """
    left = differences[differences != 0.0]
    if left.size == 0:
        return 1.0
    doubled = _doubled_ranks(np.abs(left))
    pmf = signed_sum_pmf(doubled)
    observed = int(doubled[left > 0].sum())
    smaller = min(observed, int(doubled.sum()) - observed)
    return min(1.0, 2.0 * float(pmf[: smaller + 1].sum()))


def _doubled_ranks(values: FloatArray) -> npt.NDArray[np.int64]:
    """Return twice the rank of each value (ties get the mean rank, hence whole numbers doubled)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((2 * last - counts + 1)[inverse], dtype=np.int64)


def hodges_lehmann(differences: FloatArray, level: float) -> tuple[float, float, float]:
    """Return (estimate, lo, hi) of the centre of `differences`.

    The estimate is the median of the n (n + 1) / 2 Walsh averages (d_i + d_j) / 2, i <= j; the
    interval runs between the (k + 1)-th smallest and largest with the largest k such that
    P(W <= k) <= (1 - level) / 2. Where no k does (n < 6 at 95 %), Student's t, never narrower
    than the range.
    """
    rows, columns = np.triu_indices(differences.size)
    walsh = np.sort(0.5 * (differences[rows] + differences[columns]))
    middle = float(np.median(walsh))
    below = np.cumsum(signed_rank_pmf(differences.size))
    k = int(np.searchsorted(below, 0.5 * (1.0 - level), side="right")) - 1
    if k >= 0:
        return middle, float(walsh[k]), float(walsh[walsh.size - 1 - k])
    n = differences.size
    half = t_quantile(0.5 + level / 2, n - 1) * float(differences.std(ddof=1)) / np.sqrt(n)
    centre = float(differences.mean())
    return middle, min(centre - half, float(walsh[0])), max(centre + half, float(walsh[-1]))
