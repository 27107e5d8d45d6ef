from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from harness.store.comparison import compare_runs
from reports.terminal.comparison import comparison_table
from tests import factory


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    busy = factory.troubled()[1]
    twice = dataclasses.replace(busy, case=dataclasses.replace(busy.case, threads=2))
    plans = [*factory.nets()[:3], busy, twice]
    other = [dataclasses.replace(plan, top1=plan.top1 and plan.top1 + 0.01) for plan in plans]
    a, b = factory.write_run(tmp_path / "a", plans), factory.write_run(tmp_path / "b", other, shift=1.5)
    return printed(compare_runs(a, b)).splitlines()


def test_a_case_has_its_full_name_its_ratio_and_its_loss_of_accuracy(lines: list[str]) -> None:
    assert lines[1].strip() == "mobilenet_v2-0.35-32"
    row = next(line for line in lines if line.startswith("  fp32 onnxruntime-cpu t1 "))
    assert " 1.500 1." in row
    assert "+1.00" in row
    assert row.rstrip().endswith("slower")


def test_each_reason_for_undecided_cases_is_one_note(lines: list[str]) -> None:
    assert sum(line.rstrip().endswith("- undecided [1]") for line in lines) == 2
    assert lines[-1] == "[1] 2 cases undecided: contended in the first run"
    assert not any("None" in line or "nan" in line for line in lines)


def test_other_model_files_are_counted_below(tmp_path: Path) -> None:
    plans = factory.nets()[:2]
    frame = compare_runs(factory.write_run(tmp_path / "a", plans), factory.write_run(tmp_path / "b", plans))
    assert "model file" not in printed(frame)
    assert printed(frame.assign(other_file=[True, False])).splitlines()[-1] == "the model file differs in 1 case of 2"


def printed(frame: pd.DataFrame) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(comparison_table(frame))
    return out.getvalue()
