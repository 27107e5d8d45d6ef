"""The section on what each setting can gain."""

from __future__ import annotations

from pathlib import Path

from reports.data import gather
from reports.numbers import TIMES
from reports.section import Absent
from reports.sections import settings
from tests import factory


def test_expectation_and_measured_ratio_are_in_one_row(tmp_path: Path) -> None:
    html = str(settings.render(gather([factory.write_run(tmp_path, factory.nets())])))
    assert "What to expect" in html
    assert ">int8-static</th>" in html
    assert f"{TIMES}0.45 (3 cases)" in html
    assert ">fp32</th>" not in html


def test_a_run_of_fp32_only_has_nothing_to_show(tmp_path: Path) -> None:
    plans = [plan for plan in factory.nets() if plan.case.compression == "fp32"]
    assert isinstance(settings.render(gather([factory.write_run(tmp_path, plans)])), Absent)
