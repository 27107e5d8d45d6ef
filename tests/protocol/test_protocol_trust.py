"""The promises of docs/protocol.md on what a verdict leaves of a case's figures."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from harness.core.metric import METRICS, Subject
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Status, Verdict, trust_counts, trust_of, trusts
from harness.store.comparison import compare_records
from harness.store.runfolder import RunFolder
from reports.data import gather
from reports.labels import COLUMNS
from reports.recommend import Constraints, best_first, pareto_front, recommend
from reports.sections import cases as cases_section
from reports.sections import tradeoff as tradeoff_section
from reports.sections import verdict as verdict_section
from reports.terminal.table import final_table
from tests import factory
from tests.protocol.protocol_helpers import ROOT
from tests.protocol.scripted import MS

STATUSES: tuple[Status, ...] = get_args(Status)
COMPARED: set[Status] = {"precise", "imprecise"}


def spoiled_by_the_table() -> dict[str, set[str]]:
    """What each verdict spoils, by the table on the page."""
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| ([^|]*) \|$", page.partition("| not to be relied on |")[2], re.MULTILINE)
    return {
        status: set(spoils.split(", ")) - {"nothing"}
        for names, spoils in rows
        for status in re.findall("`(.*?)`", names)
    }


def champion(run: RunFolder, title: str) -> str:
    """What the report says is the best by a metric."""
    return str(verdict_section.render(gather([run]))).partition(f"<dt>{title}</dt>")[2].partition("</div>")[0]


def three_cases(folder: Path, status: Status) -> RunFolder:
    """A fast case with this verdict, a slow precise one, and an imprecise one between them."""
    fast, slow, fair = (
        dataclasses.replace(plan, latency_ns=ns, top1=top1)
        for plan, ns, top1 in zip(factory.nets()[:3], (MS, 3 * MS, 2 * MS), (0.99, 0.95, 0.93), strict=False)
    )
    plans = [dataclasses.replace(fast, status=status), slow, dataclasses.replace(fair, status="imprecise")]
    return factory.write_run(folder, plans)


def printed(run: RunFolder) -> str:
    """The table at the end of a run, at 80 columns."""
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(final_table(run.records(), run.header()))
    return out.getvalue()


def test_verdict_spoils_what_the_table_names() -> None:
    words: dict[Subject, str] = {"time": "times", "file": "size and parameters"}
    table = spoiled_by_the_table()
    assert set(table) == set(STATUSES)
    for status in STATUSES:
        for name, metric in METRICS.items():
            if metric.subject != "count":
                word = words.get(metric.subject, metric.subject)
                assert trusts(status, name) == (word not in table[status]), (status, name)
    known = ("artifact_bytes", "parameters", "macs", "top1", "agreement", "fidelity_cosine", "peak_rss_bytes")
    assert all(trust_of("contended", name) == "full" for name in known)
    assert not any(trusts("contended", name) for name in ("latency_p50_ns", "latency_p99_ns", "throughput_per_s"))


@pytest.mark.parametrize("status", STATUSES)
def test_only_trusted_figures_are_compared(tmp_path: Path, status: Status) -> None:
    run = three_cases(tmp_path, status)
    fast, slow, _ = run.records()
    front = pareto_front(run.records())
    assert (fast in front) == (status in COMPARED)
    assert slow in front or status in COMPARED
    measured, scored = fast.value("latency_p50_ns") is not None, "accuracy" not in spoiled_by_the_table()[status]
    assert (fast.case.slug in champion(run, "Fastest")) == (status in COMPARED)
    assert (fast.case.slug in champion(run, "Most accurate")) == (measured and scored)
    compared = compare_records(fast, fast)
    assert isinstance(compared.latency, Value) == (status in COMPARED)
    assert isinstance(compared.top1, Value) == (measured and scored)


def test_untrusted_figures_are_hatched(tmp_path: Path) -> None:
    plan, *_ = factory.nets()
    for place, status in enumerate(STATUSES):
        run = factory.write_run(tmp_path / str(place), [dataclasses.replace(plan, status=status)])
        (record,) = run.records()
        row = str(cases_section.render(gather([run]))).partition("<tbody>")[2]
        hatched = [bool(found) for found in re.findall(r'<td class="num( untrusted)?" data-value', row)]
        shown = [name for name in COLUMNS if record.value(name) is not None]
        assert hatched == [not record.trusts(name) for name in shown], status
    css = (ROOT / "reports" / "assets" / "report.css").read_text(encoding="utf-8")
    assert re.search(r"\.untrusted \{ background-image: repeating-linear-gradient", css)


def test_the_smallest_case_works(tmp_path: Path) -> None:
    small, large = (
        dataclasses.replace(plan, size_bytes=size) for plan, size in zip(factory.nets(), (1000, 2000), strict=False)
    )
    for place, status in enumerate(STATUSES):
        run = factory.write_run(tmp_path / str(place), [dataclasses.replace(small, status=status), large])
        works = status not in ("wrong-output", "crashed", "timeout", "out-of-memory", "unsupported")
        assert (run.records()[0].case.slug in champion(run, "Smallest")) == works, status


def timed(record: Record, value: Value) -> Record:
    return dataclasses.replace(record, metrics={**record.metrics, "latency_p50_ns": value})


@pytest.mark.parametrize(
    ("rough", "is_first"),
    [
        (Value(90.0, 80.0, 99.0), True),
        (Value(90.0, 80.0, 100.0), False),
        (Value(90.0, 80.0, 110.0), False),
        (Value(90.0), False),
        (Value(110.0, 80.0, 150.0), False),
    ],
)
def test_imprecise_is_not_the_fastest_within_its_interval(tmp_path: Path, rough: Value, is_first: bool) -> None:
    precise, other, _ = factory.write_run(tmp_path, factory.nets()[:3]).records()
    precise = timed(precise, Value(100.0, 99.0, 101.0))
    imprecise = timed(dataclasses.replace(other, verdict=Verdict("imprecise")), rough)
    expected = [imprecise, precise] if is_first else [precise, imprecise]
    assert best_first([imprecise, precise], "latency_p50_ns") == expected
    assert recommend([imprecise, precise], Constraints(top1=0.5)).best == expected[0]
    assert best_first([imprecise], "latency_p50_ns") == [imprecise]


def test_imprecise_is_marked_on_the_front(tmp_path: Path) -> None:
    run = three_cases(tmp_path, "imprecise")
    html = str(tradeoff_section.render(gather([run])))
    assert "with a dot: imprecise, use with caution" in html
    assert "circle-dot" in html
    assert "<td>on the front, imprecise</td>" in html
    front = printed(run).partition("on the Pareto front")[2]
    assert "≈ imprecise: use with caution" in " ".join(front.split())
    assert "  ≈ mobilenet_v2-0.35-32 fp32" in front
    assert "≈ imprecise: use with caution" in champion(run, "Fastest")
    precise = factory.write_run(tmp_path / "precise", factory.nets()[:3])
    assert "imprecise" not in str(tradeoff_section.render(gather([precise])))
    assert "imprecise" not in printed(precise)


def statuses(run: RunFolder) -> list[Status]:
    return [record.verdict.status for record in run.records()]


def test_headline_counts_precise_caution_and_not(tmp_path: Path) -> None:
    nets = factory.nets()
    plans = [*nets[:3], *(dataclasses.replace(plan, status="imprecise") for plan in nets[3:5])]
    plans += [dataclasses.replace(nets[5], status="contended"), dataclasses.replace(nets[6], status="crashed")]
    run = factory.write_run(tmp_path / "mixed", plans)
    counts = "3 precise, 2 usable with caution, 2 not"
    assert trust_counts(statuses(run)) == counts
    assert f"{counts}." in str(verdict_section.render(gather([run])))
    assert f"{counts}\n" in re.sub(" +\n", "\n", printed(run))
    smoke = factory.write_run(tmp_path / "smoke", [dataclasses.replace(plan, status="untimed") for plan in nets])
    assert trust_counts(statuses(smoke)) == "24 cases, not measured for latency"
    assert trust_counts([*statuses(run), *statuses(smoke)[:4]]) == f"{counts}, 4 not measured for latency"
