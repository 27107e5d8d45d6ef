"""Bootstrap over samples: the level of its intervals, and what a paired test says of equal and of unequal models."""

from __future__ import annotations

import numpy as np
import pytest

from harness.stats.resampling import bootstrap, paired_bootstrap


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    lo, hi = bootstrap(lambda samples: values[samples].mean(), len(values))
    half = 1.96 * values.std() / 20
    assert (lo, hi) == (pytest.approx(values.mean() - half, abs=0.05), pytest.approx(values.mean() + half, abs=0.05))
    wide = bootstrap(lambda samples: values[samples].mean(), len(values), level=0.99)
    assert wide[0] < lo < hi < wide[1]


def test_a_level_that_hardly_any_resample_is_beyond_is_as_wide_as_the_normal_distribution_says() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 400)
    lo, hi = bootstrap(lambda samples: values[samples].mean(), len(values), level=0.99999)
    assert (hi - lo) / 2 == pytest.approx(4.417 * values.std() / 20, rel=0.1)


def test_it_holds_its_level() -> None:
    rng, missed = np.random.default_rng(5), 0
    for run in range(200):
        values = rng.exponential(1.0, 80)
        lo, hi = bootstrap(lambda samples, values=values: values[samples].mean(), 80, resamples=200, seed=run)
        missed += not lo <= 1.0 <= hi
    assert missed <= 24  # 5 % and what the skew of 80 values adds: above it the chance is below one in a thousand


def test_equal_models_have_no_difference_and_a_worse_one_has() -> None:
    same = paired_bootstrap(lambda samples: 0.0, 50)
    assert same == (0.0, 0.0, 1.0)
    losses = np.where(np.arange(100) < 30, -1.0, 0.0)
    lo, hi, p = paired_bootstrap(lambda samples: losses[samples].mean(), 100)
    assert lo < -0.3 < hi < 0
    assert p == pytest.approx(2 / 1001)


def test_noise_is_no_difference() -> None:
    noise = np.random.default_rng(2).normal(0, 1, 200)
    noise -= noise.mean()
    lo, hi, p = paired_bootstrap(lambda samples: noise[samples].mean(), 200)
    assert lo < 0 < hi
    assert p > 0.5


def test_no_samples_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1 sample"):
        bootstrap(lambda samples: 0.0, 0)
