from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.scenario import Load, Scenario
from harness.core.verdict import Finding
from harness.store.runfolder import RunFolder
from reports.labels import setting_of
from reports.recommend import pareto_front
from reports.terminal.table import case_line, final_table
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path, [*factory.nets(joules=True)[:8], *factory.troubled()])


def as_text(table: RenderableType, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def printed(run: RunFolder, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(final_table(run.records(), run.header()))
    return out.getvalue()


def by_status(run: RunFolder, status: str) -> Record:
    return next(record for record in run.records() if record.verdict.status == status)


def test_a_finished_case_in_one_line(run: RunFolder) -> None:
    line = case_line(run.records()[0])
    assert line.startswith("✓ mobilenet_v2-0.35-32 · fp32 · onnxruntime-cpu · t1  1.90 ±0.02 ms  top-1 91.9 ±0.6 %")


def test_a_failed_case_says_why_in_one_line(run: RunFolder) -> None:
    assert case_line(by_status(run, "unsupported")).endswith("unsupported: operator DYNAMIC_QUANT is not supported")
    assert "\n" not in case_line(by_status(run, "crashed"))


def test_a_line_without_its_reason_keeps_the_status(run: RunFolder) -> None:
    line = case_line(by_status(run, "unsupported"), with_reason=False)
    assert line.endswith("  unsupported")


LONG = "detector_of_the_second_team_after_pruning-and-tuning_20261130"


def renamed(record: Record, model: str) -> Record:
    return replace(record, case=replace(record.case, model=model))


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("model", [LONG, "探測器" * 20, "x" * 200])
def test_a_long_name_loses_its_middle_and_the_figures_stay_on_the_line(run: RunFolder, model: str, width: int) -> None:
    for record in run.records():
        whole = case_line(record, with_reason=False)
        line = case_line(renamed(record, model), with_reason=False, width=width)
        figures = whole.partition(f"· t{record.case.threads}")[2]
        assert line.endswith(figures)
        assert cell_len(line) <= max(width, 20 + cell_len(figures))
        assert line[:4] == f"{whole[0]} {model[:2]}"
        assert "…" in line
        assert f"t{record.case.threads}{figures}" in line


def test_a_name_that_fits_is_whole(run: RunFolder) -> None:
    record = run.records()[0]
    whole = case_line(record, with_reason=False)
    assert case_line(record, with_reason=False, width=cell_len(whole)) == whole
    assert 0 < cell_len(whole) - cell_len(case_line(record, with_reason=False, width=cell_len(whole) - 1)) < 4


def of_scenario(record: Record, scenario: Scenario, load: Load, **metrics: Quantity) -> str:
    """The line of a record that was measured in another scenario."""
    case = replace(record.case, scenario=scenario, load=load)
    return case_line(replace(record, case=case, metrics={**record.metrics, **metrics}))


def test_a_line_has_the_figures_that_its_scenario_is_about(run: RunFolder) -> None:
    record = run.records()[0]
    offline = of_scenario(record, "Offline", Load(streams=2), throughput_per_s=Value(512.0))
    assert "512 /s" in offline
    assert "ms" not in offline
    bound = Load(rate_per_s=50, latency_bound_ns=20_000_000)
    for held, words in ((1.0, "held"), (0.0, "not held"), (None, "undecided")):
        decided = Missing("too few") if held is None else Value(held)
        met = Value(0.995)
        line = of_scenario(record, "Server", bound, latency_p99_ns=Value(15e6), bound_met_share=met, bound_held=decided)
        assert "p99 15" in line
        assert line.endswith(f"bound of 20 ms {words}")
    sustained = of_scenario(
        record, "sustained", Load(minutes=5), sustained_p50_ns=Value(3e6), sustained_ratio=Value(1.25)
    )
    assert "1.25" in sustained
    assert "3 ms" in sustained


def test_the_table_begins_with_what_to_ship(run: RunFolder) -> None:
    title, first, *_ = printed(run, 200).splitlines()
    assert title.startswith("quick on ")
    assert first.startswith("ship mobilenet_v2-0.35-32: int8-static on litert-xnnpack")


def test_every_line_of_the_table_fits_eighty_columns(run: RunFolder) -> None:
    lines = printed(run, 80).splitlines()
    row = next(line for line in lines if "fp32 onnxruntime-cpu t1" in line)
    assert max(map(len, lines)) <= 80
    assert "1.90 ±0.02" in row
    assert row.rstrip().endswith("✓")


def test_a_wide_table_has_tail_latencies_and_verdicts_as_text(run: RunFolder) -> None:
    text = printed(run, 180)
    assert "p90 ms" in text
    assert "p99 ms" in text
    assert "✕ out-of-memory" in text


def test_columns_are_dropped_before_a_name_is_wrapped(run: RunFolder) -> None:
    narrow, wide = ([line.rstrip() for line in printed(run, width).splitlines()] for width in (100, 180))
    names = [f"  {setting_of(record, ' ')}" for record in run.records()[:8]]
    assert all(any(line.startswith(name) for line in lines) for lines in (narrow, wide) for name in names)
    heads = [next(line for line in lines if line.startswith("case")) for lines in (wide, narrow)]
    assert ["p99" in head for head in heads] == [True, False]


def test_missing_values_are_dashes_with_the_reason_below_the_table(run: RunFolder) -> None:
    text = printed(run, 130)
    assert "1 case contended: wall/CPU 1.31 at one thread" in text
    assert "→ stop other programs and run again" in text
    no_meter = factory.write_run(run.path / "second", factory.nets()[:2])
    assert f"no energy, net: {factory.NO_METER}" in printed(no_meter, 130)


def test_the_pareto_front_is_listed_below_the_table_fastest_first(run: RunFolder) -> None:
    _, heading, below = printed(run, 130).partition("scored cases on the Pareto front of latency and accuracy:\n")
    assert heading
    best = [line.split() for line in below.splitlines() if line.startswith("  ✓ ")]
    assert best == [case_line(record).replace(" · ", " ").split() for record in pareto_front(run.records())]
    speeds = [record.value("latency_p50_ns") for record in pareto_front(run.records())]
    assert speeds == sorted(speeds)


def test_the_values_of_a_case_on_the_front_are_not_wrapped(run: RunFolder) -> None:
    below = printed(run, 70).partition("on the Pareto front")[2]
    assert re.search(r"^  ✓ mobilenet_v2-0.35-32 .* ±[\d.]+ ms top-1 [\d.]+ ±[\d.]+ %\s*$", below, re.MULTILINE)


def test_names_cannot_write_to_the_terminal(run: RunFolder) -> None:
    assert "\x1b" not in printed(run, 100)


def test_names_cannot_colour_or_link(tmp_path: Path) -> None:
    """Text in square brackets is markup to rich, and a stray [/red] would raise."""
    names = ["[red]x[/red]", "[/red]", "[link=file:///etc/passwd]y[/link]"]
    plans = [factory.Plan(Case(name, "fp32", "onnxruntime-cpu", weights="user"), status="crashed") for name in names]
    text = printed(factory.write_run(tmp_path, plans), 100)
    assert all(name in text for name in names)


def test_a_run_without_records_has_an_empty_table(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path, factory.nets(), leave_out=24)
    assert "quick on x86-64" in printed(run, 80)


def test_how_the_session_ran_stands_below_the_table(run: RunFolder) -> None:
    (first, *_) = run.records()
    noted = [Finding("state", "warn", "the model has state (h)"), Finding("threads", "warn", "2 threads worked")]
    text = as_text(final_table([replace(first, execution=Execution().with_findings(*noted))], run.header()))
    assert f"state of {first.case.model} {setting_of(first, ' ')}: the model has state (h)" in text
    assert "2 threads worked" not in text
