"""What a suite asks a nightly run to look out for."""

from __future__ import annotations

import pytest

import suites
from harness.core.errors import DescriptorError
from suites.nightly_rules import MIN_EFFECT, NightlyRule, NightlyRules

SUITE = """
title = "mine"
profile = "quick"
[[cases]]
models = ["mobilenet_v2-0.35-32"]
compression = ["fp32"]
runtimes = ["onnxruntime-cpu"]
"""


def test_later_tables_win_and_defaults_stay():
    rules = NightlyRules((NightlyRule(min_effect={"p50": 0.02}), NightlyRule("int8", {"p50": 0.05, "memory": 0.04})))
    assert rules.min_effect("net|fp32", "latency_p50_ns") == 0.02
    assert rules.min_effect("net|int8-static", "latency_p50_ns") == 0.05
    assert rules.min_effect("net|fp32", "peak_rss_bytes") == MIN_EFFECT["peak_rss_bytes"]
    assert rules.least_effect("peak_rss_bytes") == MIN_EFFECT["peak_rss_bytes"]
    assert rules.least_effect("latency_p50_ns") == 0.01


def test_limits_of_every_matching_table_hold():
    rules = NightlyRules((NightlyRule(limits=("p50 <= 20 ms",)), NightlyRule("int8", limits=("top1 >= 0.88",))))
    assert [limit.text for limit in rules.limits("net|fp32")] == ["p50 <= 20 ms"]
    assert [limit.text for limit in rules.limits("net|int8")] == ["p50 <= 20 ms", "top1 >= 0.88"]


def test_suite_file_holds_the_tables(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(SUITE + '[[nightly]]\nmatch = "fp32"\nlimits = ["p50 <= 20 ms"]\nmin_effect = { p50 = 0.02 }\n')
    assert suites.load(str(file)).nightly == (NightlyRule("fp32", {"p50": 0.02}, ("p50 <= 20 ms",)),)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('limits = ["p50 < 3 ms"]', "is not a limit"),
        ('limits = ["speed <= 3 ms"]', "unknown metric"),
        ("min_effect = { top5 = 0.1 }", "not watched"),
        ("min_effect = { p50 = 20 }", "a share such as"),
        ('matches = "int8"', "matches"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_file(tmp_path, table, told):
    file = tmp_path / "mine.toml"
    file.write_text(f"{SUITE}[[nightly]]\n{table}\n")
    with pytest.raises(DescriptorError, match=told):
        suites.load(str(file))
