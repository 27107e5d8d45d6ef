"""What a night leaves for people and programs: exit code, JUnit, Markdown, Atom, JSON."""

from __future__ import annotations

import json
from xml.etree import ElementTree as Xml

import pytest

from harness.core.case import Case
from harness.nightly.outcome import Outcome, by_severity, exit_code
from harness.nightly.report import NightlyReport, atom, junit, markdown
from tests.factory import HOSTILE, Plan, write_run

CASES = [Case("net", setting, "onnxruntime-cpu") for setting in ("fp32", "int8-static", "fp16")]
ATOM = "{http://www.w3.org/2005/Atom}"


def outcome(kind, case_id="net|fp32|onnxruntime-cpu|t1", metric="latency_p50_ns", sentence="+4.8 % [3.9, 5.6]"):
    return Outcome(kind, case_id, metric, sentence, 1.048, 1.039, 1.056, 1e-4, "edgebench ab a b")


@pytest.fixture
def report(tmp_path):
    run = write_run(tmp_path / "run", [Plan(case) for case in CASES])
    outcomes = [
        outcome("transient", sentence="gone"),
        outcome("inconclusive", "net|int8-static|onnxruntime-cpu|t1"),
        outcome("regression"),
        Outcome("infrastructure", "", "", f"2 cases throttled: {HOSTILE}\x00"),
    ]
    return NightlyReport(run.header(), outcomes, run.records())


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], 0),
        (["transient", "improvement"], 0),
        (["inconclusive", "improvement"], 10),
        (["inconclusive", "environment"], 11),
        (["environment", "infrastructure"], 12),
        (["infrastructure", "regression", "environment"], 1),
    ],
)
def test_gravest_finding_decides_the_exit_code(kinds, code):
    assert exit_code([outcome(kind) for kind in kinds]) == code


def test_headline_counts_what_matters(report):
    assert report.headline == "1 regression, 1 infrastructure, 1 inconclusive"
    assert NightlyReport(report.header, [outcome("transient")], ()).headline == "nothing to report"
    assert NightlyReport(report.header, [outcome("environment")] * 2, ()).headline == "2 environment changes"


def test_junit_has_one_test_a_case_and_its_gravest_result(report):
    suite = Xml.fromstring(junit(report))
    tests = {test.get("name"): test for test in suite.findall("testcase")}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "4",
        "1",
        "1",
        "1",
    )
    failure = tests["net|fp32|onnxruntime-cpu|t1"].find("failure")
    assert failure.get("type") == "regression"
    assert "+4.8 % [3.9, 5.6]" in failure.get("message")
    assert "edgebench ab" in failure.text
    assert tests["net|fp32|onnxruntime-cpu|t1"].find("system-out").text == "transient: latency_p50_ns gone"
    assert tests["net|int8-static|onnxruntime-cpu|t1"].find("skipped") is not None
    assert HOSTILE in tests["machine"].find("error").text
    names = {one.get("name") for one in tests["net|fp16|onnxruntime-cpu|t1"].iter("property")}
    assert "latency_p50_ns" in names


def test_markdown_lets_nothing_of_a_name_through(report):
    text = markdown(report)
    assert text.startswith("## edgebench nightly")
    assert "<script>" not in text
    assert "**regression** net\\|fp32\\|onnxruntime-cpu\\|t1 latency\\_p50\\_ns: +4.8 %" in text


def test_feed_has_an_entry_a_night_newest_first(report):
    tonight = report.document()
    before = {**tonight, "run_id": "before", "started_utc": "2026-01-01T02:30:00+00:00", "outcomes": []}
    feed = Xml.fromstring(atom([tonight, before]))
    titles = [entry.find(f"{ATOM}title").text for entry in feed.iter(f"{ATOM}entry")]
    assert titles[0].endswith(report.headline)
    assert titles[1].startswith("2026-01-01")
    assert feed.find(f"{ATOM}updated").text == tonight["started_utc"]


def test_document_is_plain_json_with_the_gravest_first(report):
    document = json.loads(json.dumps(report.document(), allow_nan=False))
    assert [one["kind"] for one in document["outcomes"]] == [one.kind for one in by_severity(report.outcomes)]
    assert document["outcomes"][0]["series"] == "net|fp32|onnxruntime-cpu|t1 latency_p50_ns"
    assert document["outcomes"][1]["series"] == "machine"
    assert document["exit_code"] == 1
