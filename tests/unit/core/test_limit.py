from __future__ import annotations

import pytest

from harness.core.metric import Limit, find_metric
from harness.core.quantity import Missing, Value


@pytest.mark.parametrize(
    ("text", "metric", "value"),
    [
        ("p50 <= 20 ms", "latency_p50_ns", 20e6),
        ("latency_p99 <= 1s", "latency_p99_ns", 1e9),
        ("top1 >= 0.88", "top1", 0.88),
        ("top1>=88%", "top1", 0.88),
        ("memory <= 200 MiB", "peak_rss_bytes", 200 * 2**20),
        ("size <= 2MB", "artifact_bytes", 2e6),
        ("energy_net <= 50 mJ", "energy_net_j", 0.05),
        ("throughput >= 30", "throughput_per_s", 30),
    ],
)
def test_limit_is_read_in_the_units_of_people(text, metric, value):
    limit = Limit.parse(text)
    assert (limit.metric, limit.value) == (metric, pytest.approx(value))


@pytest.mark.parametrize("text", ["", "p50", "p50 < 20 ms", "p50 <= 20 mJ", "speed <= 1", "top1 >= high", "p50 <= 20"])
def test_what_is_no_limit_says_so(text):
    with pytest.raises(ValueError, match=r"limit|unknown metric|expected"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (Value(19.0, 18.0, 19.9), False),
        (Value(20.5, 20.1, 21.0), True),
        (Value(20.5, 19.5, 21.0), None),
        (Value(19.5, 19.0, 20.5), None),
        (Value(21.0), True),
        (Missing("no sensor"), None),
    ],
)
def test_limit_is_broken_by_the_whole_interval_alone(found, broken):
    assert Limit("m", "<=", 20.0, "").exceeded_by(found) is broken


def test_lower_bound_looks_the_other_way():
    limit = Limit.parse("top1 >= 0.9")
    assert limit.exceeded_by(Value(0.92, 0.91, 0.93)) is False
    assert limit.exceeded_by(Value(0.88, 0.87, 0.89)) is True


def test_short_names_are_metrics():
    assert find_metric("energy").name == "energy_gross_j"
    assert find_metric("p999").name == "latency_p999_ns"
