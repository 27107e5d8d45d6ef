"""Compositions of settings by name: none of it needs torch."""

from __future__ import annotations

import pytest

from harness.core.errors import UnknownName, UsageError
from harness.core.plugins import load_all
from suites.compression.base import Chain, Compression, FineTuningSetting

SETTINGS: dict[str, Compression] = load_all("compression")


@pytest.mark.parametrize(
    ("name", "tuning", "last"),
    [
        ("int8-static", "", "int8-static"),
        ("distilled", "distilled", "fp32"),
        ("int8-qat", "int8-qat", "int8-static"),
        ("channel-pruned-50+distilled+int8-static", "channel-pruned-50+distilled", "int8-static"),
        ("channel-pruned-50+int8-qat", "channel-pruned-50+int8-qat", "int8-static"),
    ],
)
def test_settings_that_train_come_first_and_name_the_checkpoint(name: str, tuning: str, last: str) -> None:
    chain = Chain.parse(name)
    assert (chain.fine_tuning_name, chain.post_training.name) == (tuning, last)


@pytest.mark.parametrize("name", ["int8-static+distilled", "fp16+int8-static", "distilled+distilled"])
def test_another_order_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be composed"):
        Chain.parse(name)


def test_two_different_ends_are_refused() -> None:
    with pytest.raises(UsageError, match="end in fp16 and int8-static"):
        Chain.parse("int8-qat+fp16")


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UnknownName, match="pruned-8"):
        Chain.parse("pruned-8+int8-static")


def test_a_setting_that_trains_writes_the_formats_of_its_post_training_setting() -> None:
    for setting in SETTINGS.values():
        assert setting.needs_training == isinstance(setting, FineTuningSetting)
        if isinstance(setting, FineTuningSetting):
            end = SETTINGS[setting.post_training]
            assert {kind: made.precision for kind, made in setting.formats.items()} == {
                kind: made.precision for kind, made in end.formats.items()
            }
            assert setting.needs_calibration == end.needs_calibration


def test_a_setting_that_saves_no_time_is_marked() -> None:
    assert "does not run faster" in SETTINGS["pruned-80"].note
    assert not SETTINGS["pruned-80"].saves_time
    assert "no time" in SETTINGS["int8-weight-only"].note
