"""The shipped published figures: readable, of known boards and settings, and found by their key."""

from __future__ import annotations

import pytest

import targets
from harness.core import plugins
from targets import published


def test_every_line_is_a_figure_of_a_board_we_know() -> None:
    figures = published.load()
    assert len(figures) > 200
    assert {each.board for each in figures} <= set(targets.names())
    assert {each.compression for each in figures} <= set(plugins.load_all("compression"))
    assert {each.metric for each in figures} <= {"p50", "mean", "min"}
    assert all(10_000 < each.latency_ns < 10_000_000_000 for each in figures)
    assert all(each.source and each.runtime for each in figures)
    assert all(each.threads is None or each.threads > 0 for each in figures)
    assert len(set(figures)) == len(figures)


def test_the_file_is_small() -> None:
    assert published.FILE.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("model", "compression", "board", "runtime", "milliseconds"),
    [
        ("mobilenet_v3_small-1.0-224", "fp32", "raspberry-pi-3b-plus", "xnnpack-cpu", 22),
        ("shufflenet_v2-1.0-224", "int8-static", "raspberry-pi-4b", "torch-cpu", 37.7),
        ("mobilenet_v2-1.0-224", "int8-static", "coral-usb", "edgetpu", 2.6),
        ("mobilenet_v2-1.0-224", "int8-static", "raspberry-pi-5+coral-usb", "edgetpu", 2.6),
    ],
)
def test_a_known_figure_is_found(model: str, compression: str, board: str, runtime: str, milliseconds: float) -> None:
    found = published.lookup(model, compression, board)
    assert milliseconds in [each.latency_ns / 1e6 for each in found if each.runtime == runtime]


def test_nobody_published_a_figure_for_a_generic_machine() -> None:
    assert published.lookup("mobilenet_v2-1.0-224", "fp32", "x86-64") == []
