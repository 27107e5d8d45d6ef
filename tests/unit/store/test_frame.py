from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pandas as pd
import pytest

import harness.store
from harness.core.errors import UsageError
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Value
from harness.store.frame import table, tidy, write_table
from harness.store.rows import CONTRACT, record_rows, rows_json
from harness.store.runfolder import RunFolder
from tests import factory

# Written out here a second time on purpose: scripts of users read these names.
PROMISED = """target, model, compression, runtime, threads, batch, scenario, weights, verdict, reason, latency_p50_ns,
latency_p50_lo_ns, latency_p50_hi_ns, latency_p90_ns, latency_p99_ns, first_inference_ns, load_ns, cpu_time_p50_ns,
n_inferences, n_processes, throughput_per_s, energy_gross_j, energy_net_j, energy_reason, peak_rss_bytes,
artifact_bytes, top1, top1_lo, top1_hi, n_images, agreement, sqnr_db"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", [*factory.nets(joules=True)[:2], *factory.troubled()])


def test_the_promised_columns_come_first_in_order(run: RunFolder) -> None:
    promised = [name.strip() for name in PROMISED.replace("\n", " ").split(",")]
    assert list(CONTRACT) == promised
    assert list(table(run).columns[: len(promised)]) == promised


def test_every_metric_is_a_column(run: RunFolder) -> None:
    assert set(METRICS) <= set(table(run).columns)
    assert {"energy_net_lo_j", "energy_net_hi_j", "top5_lo", "case", "run", "dataset"} <= set(table(run).columns)


def test_times_are_whole_numbers_and_missing_is_empty_with_its_reason(run: RunFolder) -> None:
    frame = table(run).set_index("case")
    measured, crashed = frame.iloc[0], frame[frame.verdict == "crashed"].iloc[0]
    assert frame.latency_p50_ns.dtype == "Int64"
    assert measured.latency_p50_lo_ns < measured.latency_p50_ns < measured.latency_p50_hi_ns
    assert pd.isna(measured.energy_reason)
    assert crashed.latency_p50_ns is pd.NA
    assert crashed.reason == "the process ended: crashed"
    assert crashed.energy_reason == "the process ended: crashed"
    synthetic = frame[(frame.weights == "synthetic") & (frame.verdict == "precise")].iloc[0]
    assert pd.isna(synthetic.top1)
    assert synthetic.energy_reason == factory.NO_METER


def test_rows_without_pandas_give_the_json_of_the_table(run: RunFolder) -> None:
    text = io.StringIO()
    write_table(table(run), "json", text)
    assert rows_json(record_rows(run.records())) == text.getvalue()


def test_several_runs_in_one_table(run: RunFolder, tmp_path: Path) -> None:
    other = factory.write_run(tmp_path / "other", factory.nets()[:2], run_id="other")
    frame = table([run, other])
    assert len(frame) == len(run.records()) + 2
    assert set(frame.run) == {"other", run.header().run_id}


def test_a_run_without_records_is_an_empty_table_with_columns(tmp_path: Path) -> None:
    frame = table(factory.write_run(tmp_path, factory.nets(), leave_out=24))
    assert frame.empty
    assert list(frame.columns[:2]) == ["target", "model"]
    assert frame.latency_p50_ns.dtype == "Int64"


def test_tidy_has_one_row_a_metric_and_a_value_or_a_reason(run: RunFolder) -> None:
    frame = harness.store.read([run.path])
    assert len(frame) == len(run.records()) * len(METRICS)
    assert (frame.value.isna() == frame.reason.notna()).all()
    row = frame[(frame.metric == "top1") & frame.value.notna()].iloc[0]
    assert (row.unit, row.value, row.n) == ("", pytest.approx(0.919), 10_000)


def test_tidy_of_nothing_has_its_columns() -> None:
    assert "reason" in tidy([]).columns


def test_csv_and_json_say_the_same(run: RunFolder) -> None:
    frame = table(run)
    csv, text = io.StringIO(), io.StringIO()
    write_table(frame, "csv", csv)
    write_table(frame, "json", text)
    again = pd.read_csv(io.StringIO(csv.getvalue()), dtype={"latency_p50_ns": "Int64"})
    rows = json.loads(text.getvalue())
    assert [None if pd.isna(value) else int(value) for value in again.latency_p50_ns] == [
        row["latency_p50_ns"] for row in rows
    ]
    assert isinstance(rows[0]["latency_p50_ns"], int)
    assert rows[0]["energy_reason"] is None


def test_markdown_keeps_its_columns_whatever_the_names_hold(run: RunFolder) -> None:
    out = io.StringIO()
    write_table(table(run), "markdown", out)
    lines = out.getvalue().splitlines()
    bars = {line.replace("\\|", "").count("|") for line in lines}
    assert len(lines) == 2 + len(run.records())
    assert bars == {len(table(run).columns) + 1}
    assert "<script>" not in out.getvalue()


def test_an_unknown_format_is_refused(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="no table format 'xml'"):
        write_table(table(run), "xml", io.StringIO())


def test_figures_are_rounded_and_bounds_keep_their_sides_in_both_forms(run: RunFolder) -> None:
    record = run.records()[0]
    metrics = {**record.metrics, "latency_p50_ns": Value(1234.7, 1200.2, 1300.9, 3), "top1": Value(0.9, 0.8, 0.95, 10)}
    run.append(dataclasses.replace(record, metrics=metrics))
    wide = table(run).set_index("case").loc[record.case_id]
    assert [wide[f"latency_p50_{name}ns"] for name in ("lo_", "", "hi_")] == [1200, 1235, 1301]
    assert [wide[name] for name in ("top1_lo", "top1", "top1_hi")] == [0.8, 0.9, 0.95]
    tall = tidy(run).set_index(["case", "metric"]).loc[record.case_id]
    assert tall.loc["latency_p50_ns", ["lo", "value", "hi", "n"]].tolist() == [1200.2, 1234.7, 1300.9, 3]
    assert tall.loc["top1", ["lo", "value", "hi", "n"]].tolist() == [0.8, 0.9, 0.95, 10]


def test_net_energy_that_is_missing_has_its_reason_though_gross_is_there(run: RunFolder) -> None:
    record = run.records()[0]
    run.append(dataclasses.replace(record, metrics={**record.metrics, "energy_net_j": Missing("idle moved")}))
    row = table(run).set_index("case").loc[record.case_id]
    assert row.energy_gross_j > 0
    assert row.energy_reason == "idle moved"
