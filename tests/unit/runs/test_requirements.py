"""Requirements: what they select, how a figure with its interval is judged, and what is said of the rest."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.core.errors import DescriptorError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.verdict import Verdict
from harness.runs.requirements import document, exit_code, headline, judge, junit
from suites.requirements import Requirement, load
from tests import factory

PRECISE = Verdict("precise", "as it should be")


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (first, *_) = factory.write_run(tmp_path / "run", factory.nets()).records()
    return dataclasses.replace(first, verdict=PRECISE)


def with_metric(record: Record, name: str, quantity: Quantity) -> Record:
    return dataclasses.replace(record, metrics={**record.metrics, name: quantity})


def latency(record: Record, lo_ms: float, value_ms: float, hi_ms: float) -> Record:
    return with_metric(record, "latency_p50_ns", Value(value_ms * 1e6, lo_ms * 1e6, hi_ms * 1e6, 1000))


@pytest.mark.parametrize(
    ("interval", "limit", "status"),
    [
        ((18, 19, 19.9), "p50 <= 20 ms", "pass"),
        ((18, 19, 20.0), "p50 <= 20 ms", "pass"),
        ((19, 19.5, 20.1), "p50 <= 20 ms", "inconclusive"),
        ((19, 20.5, 21), "p50 <= 20 ms", "inconclusive"),
        ((20.1, 20.5, 21), "p50 <= 20 ms", "fail"),
        ((20.1, 20.5, 21), "p50 >= 20 ms", "pass"),
        ((18, 19, 19.9), "p50 >= 20 ms", "fail"),
    ],
)
def test_the_whole_interval_decides(
    record: Record, interval: tuple[float, float, float], limit: str, status: str
) -> None:
    (judged,) = judge([Requirement((limit,))], [latency(record, *interval)])
    assert judged.status == status
    assert judged.value == pytest.approx(interval[1] * 1e6)
    assert exit_code([judged]) == {"pass": 0, "fail": 1, "inconclusive": 10}[status]


def test_an_undecided_bound_says_how_many_samples_would_decide(record: Record) -> None:
    """Half of the interval is 1 ms, the bound is 0.5 ms away: a quarter of the variance, four times the processes."""
    (judged,) = judge([Requirement(("p50 <= 20 ms",))], [latency(record, 18.5, 19.5, 20.5)])
    assert judged.more_samples == pytest.approx(4.0)
    assert f"about {4 * len(record.processes)} processes instead of {len(record.processes)}" in judged.remedy
    (judged,) = judge([Requirement(("p50 <= 20 ms",))], [latency(record, 19, 19.9999, 21)])
    assert judged.more_samples is None
    assert "too close" in judged.remedy
    scored = with_metric(record, "top1", Value(0.9, 0.88, 0.92, 100))
    (judged,) = judge([Requirement(("top1 >= 0.89",))], [scored])
    assert "about 400 samples would decide; 100 were scored" in judged.remedy


@pytest.mark.parametrize("status", ["contended", "imprecise", "drifted"])
def test_a_figure_that_is_not_trusted_is_inconclusive(record: Record, status: str) -> None:
    verdict = Verdict(status, "the machine was busy", "stop other programs")  # type: ignore[arg-type]
    doubted = dataclasses.replace(latency(record, 1, 2, 3), verdict=verdict)
    (judged,) = judge([Requirement(("p50 <= 20 ms",))], [doubted])
    if doubted.trusts("latency_p50_ns"):
        assert judged.status == "pass"
    else:
        assert (judged.status, judged.value, judged.remedy) == ("inconclusive", None, "stop other programs")
        assert "the machine was busy" in judged.found


def test_a_case_that_failed_keeps_no_bound(record: Record) -> None:
    for status in ("crashed", "timeout", "out-of-memory", "wrong-output"):
        failed = dataclasses.replace(record, verdict=Verdict(status, "no answer"))  # type: ignore[arg-type]
        (judged,) = judge([Requirement(("p50 <= 20 ms",))], [failed])
        assert judged.status == "fail", status


def test_what_was_not_measured_never_passes(record: Record) -> None:
    missing = with_metric(record, "energy_gross_j", Missing("no sensor"))
    judged = judge([Requirement(("energy <= 50 mJ",)), Requirement(("p50 <= 1 s",), model="another")], [missing])
    assert [one.status for one in judged] == ["inconclusive", "inconclusive"]
    assert "no sensor" in judged[0].found
    assert "no case is measured of: model another" in judged[1].found
    assert exit_code(judged) == exit_code([]) == 10


def test_a_requirement_holds_for_what_it_selects(record: Record) -> None:
    case = dataclasses.replace(record.case, model="detector-1.0-320", scenario="MultiStream")
    detector = dataclasses.replace(record, case=case, case_id="detector-1.0-320|int8|t1", target="raspberry-pi-5")
    for keys in (
        {},
        {"model": "detector*"},
        {"target": "raspberry-pi-?"},
        {"scenario": "MultiStream"},
        {"match": "int8"},
        {"model": "detector-1.0-320", "match": "t1"},
    ):
        assert Requirement(("p50 <= 1 s",), **keys).selects(detector), keys
    for keys in ({"model": "detector"}, {"target": "jetson*"}, {"scenario": "Offline"}, {"match": "fp32"}):
        assert not Requirement(("p50 <= 1 s",), **keys).selects(detector), keys


def test_the_worst_comes_first_and_is_counted(record: Record) -> None:
    limits = ("size <= 1 GB", "p50 <= 1 ns", "energy <= 1 J")
    judged = judge([Requirement(limits)], [with_metric(record, "energy_gross_j", Missing("no sensor"))])
    assert [one.status for one in judged] == ["fail", "inconclusive", "pass"]
    assert headline(judged) == "1 fail, 1 inconclusive, 1 pass"
    assert document(judged)["judgements"][0]["requirement"] == "p50 <= 1 ns"
    suite = ET.fromstring(junit(judged)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [child.tag for case in suite for child in case] == ["failure", "skipped"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "requires nothing"),
        ("[[requirement]]\n", "limits"),
        ("[[requirement]]\nlimits = []\n", "limits is empty"),
        ('[[requirement]]\nlimits = ["p50 < 20"]\n', "is not a limit"),
        ('[[requirement]]\nlimits = ["p51 <= 20 ms"]\n', "unknown metric 'p51'"),
        ('[[requirement]]\nlimits = ["p50 <= 20 mJ"]\n', "20 mJ"),
        ('[[requirement]]\nlimits = ["p50 <= 20 ms"]\nmodels = "x"\n', "did you mean 'model'"),
        ('[[requirements]]\nlimits = ["p50 <= 20 ms"]\n', "did you mean 'requirement'"),
        ('[[requirement]]\nlimits = "p50 <= 20 ms"\n', "limits"),
        ("[[requirement\n", "requirements.toml"),
        ("requirement = 3\n", "requirement"),
    ],
)
def test_a_file_that_is_not_valid_says_where(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "requirements.toml"
    file.write_text(text)
    with pytest.raises(DescriptorError) as error:
        load(file)
    assert words in str(error.value)
    assert "requirements.toml" in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(DescriptorError, match=re.escape(str(path))):
            load(path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(DescriptorError, match=r"binary\.toml"):
        load(binary)
