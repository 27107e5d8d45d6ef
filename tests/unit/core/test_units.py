"""Quantities as people write them, in the unit that records hold."""

from __future__ import annotations

import pytest

from harness.core.quantity import ENERGY_J, SHARE, SIZE_BYTES, TIME_NS, quantity


@pytest.mark.parametrize(
    ("text", "units", "stored"),
    [
        ("7 ns", TIME_NS, 7),
        ("20us", TIME_NS, 20e3),
        ("20 µs", TIME_NS, 20e3),
        ("20ms", TIME_NS, 20e6),
        ("1.5 s", TIME_NS, 1.5e9),
        ("250 uJ", ENERGY_J, 250e-6),
        ("3 mJ", ENERGY_J, 3e-3),
        ("2 J", ENERGY_J, 2),
        ("2 kB", SIZE_BYTES, 2000),
        ("2 MB", SIZE_BYTES, 2e6),
        ("2 GB", SIZE_BYTES, 2e9),
        ("2 KiB", SIZE_BYTES, 2048),
        ("2 MiB", SIZE_BYTES, 2 * 1024**2),
        ("2 GiB", SIZE_BYTES, 2 * 1024**3),
        ("88 %", SHARE, 0.88),
        (".88", SHARE, 0.88),
        ("1e-3", SHARE, 0.001),
    ],
)
def test_a_quantity_in_its_stored_unit(text: str, units: dict[str, float], stored: float) -> None:
    assert quantity(text, units) == pytest.approx(stored)


@pytest.mark.parametrize("text", ["20", "20 min", "-3 ms", "fast", "ms"])
def test_another_form_or_unit_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="a number and one of ns, us, µs, ms, s expected"):
        quantity(text, TIME_NS)
