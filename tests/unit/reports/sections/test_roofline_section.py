"""The roofline section with and without measured peaks."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from harness.core.hardware.roofline import Roof, Roofline
from reports.data import gather
from reports.sections.roofline import PLUGINS
from tests import factory

MEASURED = Roofline("abc", "2026-01-01", "numpy", 1 << 20, (Roof(1, 50e9, 10e9), Roof(4, 150e9, 12e9)))


def section(path: Path, **header: object) -> Markup:
    html = PLUGINS[0].render(gather([factory.write_run(path / "run", factory.nets(), **header)]))
    assert isinstance(html, Markup)
    return html


def test_measured_peaks_are_drawn_and_described(tmp_path: Path) -> None:
    html = section(tmp_path, roofline=MEASURED)
    assert "peak, 1 thread" in html
    assert "Peak with 1 thread: 25 GMAC/s in fp32, 10 GB/s" in html
    assert "4 threads" not in html  # no case uses them


def test_without_peaks_the_reason_is_given(tmp_path: Path) -> None:
    html = section(tmp_path)
    assert "There is no roof in this plot: not measured: edgebench roofline" in html
    assert "peak, 1 thread" not in html
