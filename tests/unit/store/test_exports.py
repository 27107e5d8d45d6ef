"""Each export is what its reader expects, to the letter."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from harness.core import plugins
from harness.core.case import Case
from harness.core.errors import NothingMeasured, UnknownName, UsageError
from harness.core.verdict import TIMED
from harness.store.exports import Exported, export
from harness.store.frame import table
from harness.store.rows import CONTRACT
from harness.store.runfolder import RunFolder, latencies_ns
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", [*factory.nets(joules=True)[:2], *factory.troubled()])


def exported(run: RunFolder, **changes: object) -> Exported:
    made = Exported(run.header(), run.records(), lambda record: latencies_ns(record, run.blob))
    return dataclasses.replace(made, **changes)


def text(run: RunFolder, name: str, **changes: object) -> str:
    return export([exported(run, **changes)], name).decode()


def test_formats_that_are_compared_hold_trusted_figures_alone(tmp_path: Path) -> None:
    """A contended case has its top-1 and its size, and no time; the others have all of theirs."""
    good, busy = factory.nets(joules=True)[:2]
    run = factory.write_run(tmp_path, [good, dataclasses.replace(busy, status="contended")])
    for direction in ("lower", "higher"):
        entries = json.loads(text(run, "gha", better=direction))
        held = {entry["name"].split()[-1] for entry in entries if entry["name"].startswith(busy.case.id)}
        full = {entry["name"].split()[-1] for entry in entries if entry["name"].startswith(good.case.id)}
        assert full >= held
        assert held & {"latency_p50_ns", "throughput_per_s", "energy_net_j", "top1", "artifact_bytes"} == (
            {"artifact_bytes"} if direction == "lower" else {"top1"}
        )
    bencher = json.loads(text(run, "bmf"))
    assert "latency" in bencher[good.case.id]
    assert bencher[busy.case.id].keys() >= {"top1", "artifact_bytes"}
    assert not bencher[busy.case.id].keys() & {"latency", "throughput", "energy_net_j"}
    samples = [line for line in text(run, "prometheus").splitlines() if f'case="{busy.case.id}"' in line]
    assert any(line.startswith("edgebench_top1{") for line in samples)
    assert not any(line.startswith(("edgebench_latency", "edgebench_energy")) for line in samples)
    (only,) = json.loads(text(run, "pytest-benchmark"))["benchmarks"]
    assert only["extra_info"]["case"] == good.case.id
    suite = ET.fromstring(text(run, "junit"))[0]
    names = [{each.get("name") for each in case.iter("property")} for case in suite]
    assert "latency_p50_ns" in names[0]
    assert "latency_p50_ns" not in names[1]
    assert "top1" in names[1]
    rows = [line for line in text(run, "markdown").splitlines() if line.startswith("| mobile")]
    assert "~~1.574~~" in rows[1] or "~~1.575~~" in rows[1]
    assert "~~" not in rows[0]
    assert "1 precise, 0 usable with caution, 1 not" in text(run, "markdown")


def test_csv_is_the_table(run: RunFolder) -> None:
    frame = pd.read_csv(io.StringIO(text(run, "csv")))
    assert list(frame.columns[: len(CONTRACT)]) == list(CONTRACT)
    assert len(frame) == len(run.records())
    both = export([exported(run), exported(run)], "csv").decode()
    assert len(pd.read_csv(io.StringIO(both))) == 2 * len(frame)


def test_parquet_is_the_table_with_its_types(run: RunFolder) -> None:
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(io.BytesIO(export([exported(run)], "parquet")))
    numbers = frame.select_dtypes(["number", "bool"]).columns
    texts = list(frame.columns.difference(numbers))  # a missing one is None before and NaN after
    pd.testing.assert_frame_equal(frame.drop(columns=texts), table(run).drop(columns=texts), check_dtype=False)
    assert frame.energy_reason.notna().tolist() == table(run).energy_reason.notna().tolist()
    assert frame.latency_p50_ns.dtype == "Int64"


def test_pytest_benchmark_has_the_samples_in_seconds(run: RunFolder, tmp_path: Path) -> None:
    document = json.loads(text(run, "pytest-benchmark"))
    records = {record.case_id: record for record in run.records() if record.processes and record.trusts(TIMED)}
    assert len(document["benchmarks"]) == len(records)
    for entry in document["benchmarks"]:
        record = records[entry["extra_info"]["case"]]
        assert entry["stats"]["data"] == [ns / 1e9 for ns in latencies_ns(record, run.blob).tolist()]
        assert entry["stats"]["rounds"] == 1200
        assert entry["group"] == record.case.model
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps(document))
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(saved)]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "mobilenet_v2-0.35-32|fp32|onnxruntime-cpu|t1" in shown


def test_bencher_has_nanoseconds_and_bounds(run: RunFolder) -> None:
    document = json.loads(text(run, "bmf"))
    latency = document[factory.nets()[0].case.id]["latency"]
    assert set(latency) == {"value", "lower_value", "upper_value"}
    assert latency["lower_value"] < latency["value"] == 1896707.0
    assert "n_inferences" not in document[factory.nets()[0].case.id]


def test_bencher_keeps_long_names_apart(tmp_path: Path) -> None:
    plans = [factory.Plan(Case("x" * 2000 + end, "fp32", "onnxruntime-cpu", weights="user")) for end in "ab"]
    document = json.loads(text(factory.write_run(tmp_path / "run", plans), "bmf"))
    assert [len(name) for name in document] == [1024, 1024]


def test_github_action_benchmark_has_one_direction_a_file(run: RunFolder) -> None:
    smaller = json.loads(text(run, "gha"))
    bigger = json.loads(text(run, "gha", better="higher"))
    assert all({"name", "value", "unit"} <= set(entry) for entry in smaller + bigger)
    assert any(entry["name"].endswith("latency_p50_ns") and entry["range"].startswith("± ") for entry in smaller)
    assert {entry["name"].split()[-1] for entry in bigger} >= {"throughput_per_s", "top1"}
    assert not {entry["name"] for entry in smaller} & {entry["name"] for entry in bigger}


def test_prometheus_text(run: RunFolder) -> None:
    lines = text(run, "prometheus").splitlines()
    sample = re.compile(r'^[a-z_][a-z0-9_]*\{([a-z]+="(\\.|[^"\\])*",?)+\} \S+$')  # and no time stamp behind it
    samples = [line for line in lines if not line.startswith("#")]
    assert all(sample.match(line) and float(line.rsplit(" ", 1)[1]) >= 0 for line in samples)
    p50 = next(line for line in samples if "edgebench_latency_p50_seconds{" in line and "fp32" in line)
    assert float(p50.rsplit(" ", 1)[1]) == pytest.approx(0.001896707)
    assert any(line.startswith("edgebench_energy_net_joules{") for line in samples)
    assert samples[-1].startswith("edgebench_completion_timestamp_seconds{")
    assert float(samples[-1].rsplit(" ", 1)[1]) == 1767225720.0
    assert lines[-1] == "# EOF"
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_junit_tells_errors_from_doubts(run: RunFolder) -> None:
    root = ET.fromstring(text(run, "junit"))
    suite = root.find("testsuite")
    assert suite is not None
    kinds = {case.get("name"): [child.tag for child in case if child.tag != "properties"] for case in suite}
    found = {record.case_id: kinds[record.case_id] for record in run.records()}
    for record in run.records():
        expected = ["error"] if record.verdict.failed else [] if record.trusts(TIMED) else ["skipped"]
        assert found[record.case_id] == expected
    assert (suite.get("tests"), suite.get("errors"), suite.get("skipped")) == ("11", "4", "3")
    crash = next(case for case in suite if factory.HOSTILE in str(case.get("name")))
    assert "\N{REPLACEMENT CHARACTER}" in str(crash.findtext("error"))
    figures = {each.get("name"): each.get("value") for each in suite[0].iter("property")}
    assert float(str(figures["latency_p50_ns"])) == 1896707.0


def test_markdown_is_safe_and_fits(run: RunFolder) -> None:
    summary = text(run, "markdown")
    assert "<script>" not in summary
    rows = [line.replace("\\|", "") for line in summary.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(run.records())
    assert len({row.count("|") for row in rows}) == 1
    many = exported(run, records=run.records() * 1000)
    made = export([many], "markdown")
    assert len(made) <= 1 << 20
    assert b"more cases do not fit" in made


def test_what_cannot_be_exported(run: RunFolder, tmp_path: Path) -> None:
    failed = factory.write_run(tmp_path / "failed", factory.troubled()[3:6])
    for name in plugins.load_all("exports"):
        with pytest.raises(NothingMeasured):
            export([exported(failed)], name)
    with pytest.raises(UsageError, match="one run, not 2"):
        export([exported(run), exported(run)], "gha")
    with pytest.raises(UnknownName, match="did you mean 'junit'"):
        export([exported(run)], "junyt")
