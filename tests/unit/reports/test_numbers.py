from __future__ import annotations

import pytest

from harness.core.metric import METRICS
from harness.core.quantity import Missing, Value
from reports.numbers import Scale, format_change, format_number, scale_for, shorten, show


@pytest.mark.parametrize(
    ("value", "lo", "hi", "text", "spread"),
    [
        (1_234_567.0, 1_214_567.0, 1_254_567.0, "1.23", "±0.02"),
        (1_234_567.0, 734_567.0, 1_734_567.0, "1.2", "0.7\N{EN DASH}1.7"),
        (
            273_000.0,
            152_000.0,
            683_000.0,
            "0.27",
            "0.15\N{EN DASH}0.68",
        ),  # far from symmetric: '0.3 ±0.3' would say nothing
        (1_234_567.0, 1_225_000.0, 1_244_200.0, "1.23", "±0.01"),  # 0.0096 shows as 0.01, not as 0.010
        (31_000_000.0, 11_000_000.0, 51_000_000.0, "31", "11\N{EN DASH}51"),
        (31_000_000.0, 30_000_000.0, 32_000_000.0, "31", "±1"),
    ],
)
def test_no_more_digits_than_the_interval_supports(value, lo, hi, text: str, spread: str) -> None:
    shown = show(Value(value, lo, hi), Scale(1e-6, "ms"))
    assert (shown.text, shown.spread) == (text, spread)


@pytest.mark.parametrize(
    ("value", "lo", "hi", "text", "spread"),
    [
        (-0.0004, -0.0023, 0.0015, "0.0", "±0.2"),  # no sign before a 0, and not '-0.2 to 0.1' to three places
        (0.0, -0.0019, 0.0019, "0.0", "±0.2"),
        (-0.0262, -0.0312, -0.0212, "-2.6", "-3.1\N{EN DASH}-2.1"),
        (-0.0262, -0.0267, -0.0257, "-2.62", "±0.05"),  # narrow, though below 0
    ],
)
def test_a_difference_that_may_be_none_has_its_half_width(value, lo, hi, text: str, spread: str) -> None:
    shown = show(Value(value, lo, hi), scale_for(METRICS["top1_difference"], [value]))
    assert (shown.text, shown.spread) == (text, spread)


def test_the_interval_is_given_in_full() -> None:
    assert show(Value(2e6, 1.9e6, 2.2e6, 5), Scale(1e-6, "ms")).about == "95 % interval 1.9 to 2.2 ms; n = 5"


def test_without_an_interval_three_digits_and_counts_whole() -> None:
    assert [format_number(number) for number in (0.0123456, 12.3456, 1234.5, 400.0, 0.0)] == [
        "0.0123",
        "12.3",
        "1,234",
        "400",
        "0",
    ]
    assert format_number(1.23456e-12) == "1.23e-12"


def test_a_missing_value_is_the_gist_of_its_reason() -> None:
    shown = show(Missing("no power sensor: /sys/class/powercap is absent"))
    assert shown.missing
    assert (shown.text, shown.about) == ("no power sensor", "no power sensor: /sys/class/powercap is absent")


def test_a_long_reason_is_cut_between_words() -> None:
    assert shorten("n too small for the ninety-ninth percentile") == "n too small for the…"
    assert shorten("this is the reference that others are compared with") == "this is the reference…"
    assert shorten("no channel powercap (powercap: no zone)") == "no channel powercap"
    assert shorten("x" * 50) == "x" * 21 + "…"


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("latency_p50_ns", [140.0], "ns"),
        ("latency_p50_ns", [5_000.0], "µs"),
        ("latency_p50_ns", [4e5, 3e8, 5e5], "ms"),
        ("latency_p50_ns", [5e9], "s"),
        ("energy_net_j", [0.002], "mJ"),
        ("peak_rss_bytes", [6.1e7], "MB"),
        ("top1", [0.91], "%"),
        ("top1", [], "%"),
        ("latency_p50_ns", [], ""),
        ("n_images", [10_000.0], ""),
    ],
)
def test_a_column_has_one_scale(name: str, values: list[float], unit: str) -> None:
    assert scale_for(METRICS[name], values).unit == unit


@pytest.mark.parametrize(
    ("name", "stored", "words"),
    [
        ("latency_p50_ns", 3.25e9, "3.25 s"),
        ("latency_p50_ns", 1.25e6, "1.25 ms"),
        ("latency_p50_ns", 2250.0, "2.25 µs"),
        ("latency_p50_ns", 150.0, "150 ns"),
        ("energy_net_j", 3.25, "3.25 J"),
        ("energy_net_j", 2.25e-3, "2.25 mJ"),
        ("energy_net_j", 4.25e-5, "42.5 µJ"),
        ("artifact_bytes", 3.25e9, "3.25 GB"),
        ("artifact_bytes", 2.25e6, "2.25 MB"),
        ("artifact_bytes", 2250.0, "2.25 kB"),
        ("artifact_bytes", 64.0, "64 B"),
        ("top1", 0.9125, "91.2 %"),
        ("top1_difference", -0.0125, "-1.25 points"),
        ("throughput_per_s", 523.0, "523 /s"),
        ("sqnr_db", 41.5, "41.5 dB"),
    ],
)
def test_a_number_and_its_unit_belong_together(name: str, stored: float, words: str) -> None:
    scale = scale_for(METRICS[name], [stored])
    assert show(Value(stored), scale).words(scale.unit) == words


def test_one_slow_case_does_not_choose_the_unit() -> None:
    assert scale_for(METRICS["latency_p50_ns"], [1e6, 2e6, 5e9]).unit == "ms"


def test_a_change_and_its_spread_have_the_same_digits() -> None:
    assert format_change(1.0482, 0.009) == ("+4.8 %", "±0.9")
    assert format_change(0.8, 0.05) == ("-20 %", "±5")
    assert format_change(1.1) == ("+10.0 %", "")
