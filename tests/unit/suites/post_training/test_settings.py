"""Which settings --compress asks for."""

from __future__ import annotations

import pytest

from harness.core.errors import UnknownName, UsageError
from suites.post_training import chosen


def test_all_is_every_setting_that_trains_nothing_fp32_first() -> None:
    names = [setting.name for setting in chosen("all")]
    assert names[0] == "fp32"
    assert {"fp16", "bf16", "int8-static", "int8-static-entropy", "int8-static-io8", "int16x8"} < set(names)
    assert not any(setting.needs_training for setting in chosen("all"))


def test_names_are_taken_in_their_order_with_the_reference_first() -> None:
    assert [one.name for one in chosen("int8-static, fp16")] == ["fp32", "int8-static", "fp16"]


def test_settings_that_train_are_refused_and_wrong_names_corrected() -> None:
    with pytest.raises(UsageError, match="int8-qat needs training"):
        chosen("int8-qat")
    with pytest.raises(UnknownName) as raised:
        chosen("int8-statik")
    assert "did you mean 'int8-static'" in raised.value.remedy
