from __future__ import annotations

import json

import numpy as np
import pytest

from reports.figures.plots import downsample, figure_json, log_axis, quantiles


def test_quantiles_keep_the_ends_and_the_tail() -> None:
    samples = np.arange(1, 10_001)
    values, shares = quantiles(samples, 100)
    assert (values[0], values[-1]) == (1, 10_000)
    assert (np.diff(shares) > 0).all()
    assert (shares > 0.99).sum() >= 15
    assert values[np.searchsorted(shares, 0.5)] - 5_000 < 130


def test_downsampling_keeps_every_spike() -> None:
    samples = np.ones(100_000)
    samples[54_321], samples[7] = 99.0, 0.5
    places, values = downsample(samples, 200)
    assert len(values) <= 200
    assert (values.max(), values.min()) == (99.0, 0.5)
    assert places[values.argmax()] == 54_321


def test_few_samples_are_all_kept() -> None:
    places, values = downsample([3.0, 1.0], 10)
    assert (places.tolist(), values.tolist()) == ([0, 1], [3.0, 1.0])


def test_figures_hold_typed_arrays_and_cannot_close_their_script_element() -> None:
    text = figure_json([{"type": "scatter", "x": np.zeros(3, dtype=np.float32), "y": [1, 2, 3], "name": "</script>&"}])
    figure = json.loads(text)
    assert figure["data"][0]["x"]["dtype"] == "f4"
    assert figure["data"][0]["name"] == "</script>&"
    assert "<" not in text


def test_a_logarithmic_axis_writes_its_ticks_out() -> None:
    axis = log_axis("x", [0.3, 4.0])
    assert axis["type"] == "log"
    assert {"0.5", "1", "2"} <= set(axis["ticktext"])
    assert "type" not in log_axis("x", [])


@pytest.mark.parametrize(("low", "high"), [(0.127, 0.278), (2.66, 7.5), (15, 35), (1.9, 9.9), (0.1, 12), (1e-3, 1e4)])
def test_a_logarithmic_axis_has_several_ticks_and_not_too_many(low: float, high: float) -> None:
    within = [tick for tick in log_axis("x", [low, high])["tickvals"] if low <= tick <= high]
    assert 3 <= len(within) <= 9
