from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.core.errors import RecordError, UsageError
from harness.core.metric import METRICS
from harness.core.quantity import Missing
from harness.core.verdict import Status, Verdict
from harness.store.runfolder import Contents, RunFolder
from reports.build import build, build_html, sections
from reports.data import ReportData, gather, newest_cases, read_run
from reports.sections.guide import VERDICTS
from reports.terminal.table import case_line
from tests import factory

MEGABYTE = 1_000_000
Build = Callable[..., str]


class Page(HTMLParser):
    """The page's text outside scripts, its ids, and the elements that could load or run something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.ids, self.scripts, self.loads = "", [], [], []
        self._raw = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._raw = tag in ("script", "style")
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "script":
            self.scripts.append(given.get("type", "run"))
        self.loads += [value for name in ("src", "href", "data", "poster") if (value := given.get(name))]
        self.loads += [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.text += data


@pytest.fixture
def page(tmp_path: Path) -> Build:
    def build_page(*runs: RunFolder, baseline: RunFolder | None = None) -> str:
        return build(runs, tmp_path / "out" / "report.html", baseline).read_text(encoding="utf-8")

    return build_page


def every_kind(folder: Path) -> RunFolder:
    return factory.write_run(folder, [*factory.nets(joules=True), *factory.troubled()], leave_out=1)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with every kind of case, to be changed."""
    return every_kind(tmp_path / "run")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The same, to be read."""
    return every_kind(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def html(whole: RunFolder) -> str:
    """Its page."""
    return build([whole], whole.path / "report.html").read_text(encoding="utf-8")


def test_every_section_is_in_order_or_gives_a_reason(html: str) -> None:
    ids = [one for one in Page(html).ids if one in {section.name for section in sections()}]
    _, _, absent = html.partition("<h2>Nothing to show</h2>")
    order = [section.name for section in sections()]
    assert ids == sorted(order, key=lambda name: (f'<section id="{name}"' in absent, order.index(name)))
    assert "No baseline was given" in absent


def test_every_case_has_an_anchor_and_every_id_is_unique(html: str, whole: RunFolder) -> None:
    ids = Page(html).ids
    assert len(ids) == len(set(ids))
    assert {case.key for case in gather([whole]).cases} <= set(ids)


def test_the_page_loads_nothing_and_holds_no_handler(html: str) -> None:
    parsed = Page(html)
    assert all(link.startswith(("#", "data:")) for link in parsed.loads)
    assert set(parsed.scripts) == {"run", "application/json"}
    assert parsed.scripts.count("run") == 2


def test_hostile_names_are_text(page: Build, tmp_path: Path) -> None:
    plans = [plan for plan in factory.troubled() if plan.case.weights == "user"]
    html = page(factory.write_run(tmp_path / "hostile", plans))
    assert factory.HOSTILE not in html
    assert factory.HOSTILE in Page(html).text
    assert all(link.startswith(("#", "data:")) for link in Page(html).loads)
    assert 'a|b" onload=x & 米' in Page(html).text


def test_every_number_and_every_reason_can_be_read_without_a_script(html: str, whole: RunFolder) -> None:
    text = " ".join(Page(html).text.split())
    data = gather([whole])
    for case in data.cases:
        for name in METRICS:
            shown = data.show(case.record, name)
            assert " ".join((f"not available: {shown.about}" if shown.missing else shown.text).split()) in text
    assert "not available: synthetic weights" in text
    assert "1 planned case has no record" in text


def test_the_plots_data_is_json_without_nan(html: str) -> None:
    texts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, flags=re.DOTALL)
    assert len(texts) > 10
    for text in texts:
        assert "NaN" not in text
        json.loads(text)


def test_a_contended_latency_is_hatched_and_not_on_the_front(page: Build, tmp_path: Path) -> None:
    plan = factory.Plan(dataclasses.replace(factory.nets()[0].case, model="best"), 10, "contended", 0.99)
    html = page(factory.write_run(tmp_path / "second", [*factory.nets(), plan]))
    assert "7 of 25 scored cases are on the Pareto front" in html
    row = html.partition('<tr data-case="case-x86-64-best')[2].partition("</tr>")[0]
    assert '<td class="num untrusted" data-value="9">' in row
    assert '<td class="num" data-value="0.99">' in row, "top-1 does not depend on what else ran"


def test_a_failed_case_shows_its_verdict_where_it_has_no_value(html: str) -> None:
    row = re.search(r'<tr data-case="[^"]*mobilenet_v2-1.0-224__fp16__litert[^"]*".*?</tr>', html, re.DOTALL)
    assert row is not None
    cells = re.findall(r'class="missing" tabindex="0" title="(.*?)">(.*?)<', row[0])
    assert cells
    assert set(cells) == {("no answer within 60 s", "timeout")}


def test_a_baseline_gives_the_verdict(page: Build, tmp_path: Path) -> None:
    slower = factory.write_run(tmp_path / "b", factory.nets()[:5], shift=1.2, started_utc="2026-02-01T00:00:00Z")
    before = factory.write_run(tmp_path / "a", factory.nets()[:5])
    text = " ".join(Page(page(slower, baseline=before)).text.split())
    assert "5 of 5 cases slower (worst +20" in text
    assert "Compared with quick on x86-64, 2026-01-01 00:00 UTC" in text


def test_history_needs_two_runs_and_lists_environment_changes(page: Build, run: RunFolder, html: str) -> None:
    later = factory.write_run(
        run.path / "b", factory.nets()[:5], started_utc="2026-02-01T00:00:00Z", versions={"onnxruntime": "2.0"}
    )
    assert "A history needs two runs" in html
    assert "onnxruntime: 1.31.1 → 2.0" in Page(page(run, later)).text


def test_a_damaged_record_is_named_and_the_rest_shown(page: Build, run: RunFolder) -> None:
    file = sorted((run.path / "records").glob("*.json"))[0]
    file.write_text(re.sub(r'"schema": \d+', '"schema": 99', file.read_text()))
    text = Page(page(run)).text
    assert "written by a newer edgebench" in text
    assert "2 planned cases have no record" in text


def test_a_missing_blob_costs_only_its_plot(page: Build, run: RunFolder) -> None:
    for blob in (run.path / "blobs").iterdir():
        blob.unlink()
    assert "25 precise, 0 usable with caution, 7 not" in page(run)


def test_an_empty_run_and_one_that_only_crashed(page: Build, tmp_path: Path) -> None:
    empty = page(factory.write_run(tmp_path / "empty", factory.nets(), leave_out=24))
    assert "Nothing was measured" in empty
    crashed = page(factory.write_run(tmp_path / "crashed", [p for p in factory.troubled() if p.status == "crashed"]))
    assert "0 precise, 0 usable with caution, 2 not" in crashed


def test_a_folder_that_is_not_a_run_is_a_clear_error(page: Build, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not a run folder"):
        page(RunFolder(tmp_path))
    with pytest.raises(UsageError, match="no run to report on"):
        page()


def test_every_verdict_is_explained() -> None:
    assert set(VERDICTS) == set(Status.__args__)  # type: ignore[attr-defined]


def test_a_ten_megabyte_log_is_not_embedded(page: Build, tmp_path: Path) -> None:
    plan = dataclasses.replace(factory.troubled()[3], log="y" * 10 * MEGABYTE)
    assert len(page(factory.write_run(tmp_path / "log", [plan]))) < 1.8 * MEGABYTE


def test_a_log_inside_an_error_is_shortened_in_page_and_terminal(page: Build, tmp_path: Path) -> None:
    log = "z" * MEGABYTE
    run = factory.write_run(tmp_path / "log", factory.troubled()[3:4])
    record = run.records()[0]
    run.append(
        dataclasses.replace(
            record, verdict=Verdict("crashed", log, log), metrics={name: Missing(log) for name in record.metrics}
        )
    )
    html = page(run)
    assert len(html) < 1.8 * MEGABYTE
    assert "(1,000,000 characters; the record has all of them)" in html
    assert len(case_line(run.records()[0])) < 2_000


def test_a_record_with_nan_or_infinity_is_damaged(page: Build, run: RunFolder) -> None:
    """edgebench never writes NaN or infinity, but an edited record may have them."""
    first, second = [file for file in (run.path / "records").iterdir() if '"value": 1' in file.read_text()][:2]
    for file, word in ((first, "NaN"), (second, "Infinity")):
        file.write_text(re.sub(r'("value": )1[\d.e+]*', rf"\g<1>{word}", file.read_text(), count=1))
    html = page(run)
    assert html.count("<strong>damaged record</strong>") == 2
    assert "NaN" not in "".join(re.findall(r"<tbody>.*?</tbody>", html, flags=re.DOTALL))


def test_size_budgets(page: Build, tmp_path: Path) -> None:
    assert len(page(factory.write_run(tmp_path / "empty", factory.nets(), leave_out=24)).encode()) < 1.8 * MEGABYTE
    plans = [
        dataclasses.replace(plan, case=dataclasses.replace(plan.case, threads=threads))
        for threads in range(1, 6)
        for plan in factory.nets()[:20]
    ]
    assert len(page(factory.write_run(tmp_path / "hundred", plans)).encode()) < 5 * MEGABYTE


def test_size_of_a_thousand_cases_over_three_nights(tmp_path: Path) -> None:
    """Built in memory from the records of 24 cases: writing 3,000 to disk would take minutes."""
    run = read_run(factory.write_run(tmp_path / "run", factory.nets(joules=True)))
    records = []
    for width in range(42):
        for record in run.contents.records:
            case = dataclasses.replace(record.case, model=f"{record.case.model}-w{width}")
            records.append(dataclasses.replace(record, case=case, case_id=case.id))
    many = dataclasses.replace(run, contents=Contents(tuple(records[:1000]), {}))
    nights = tuple(
        dataclasses.replace(many, header=dataclasses.replace(run.header, started_utc=f"2026-01-0{day}T00:00:00Z"))
        for day in (1, 2, 3)
    )
    data = ReportData(nights, newest_cases(nights), nights[0])
    assert len(data.cases) == 1000
    html = build_html(data)
    assert len(html.encode()) < 13.5 * MEGABYTE  # the budget is 15: this leaves room for longer records
    assert html.count('<details class="case"') == 1000
    assert "cases.csv.gz" in html


def test_facts_common_to_all_cases_are_listed_once(page: Build, tmp_path: Path) -> None:
    html = page(factory.write_run(tmp_path / "run", factory.nets()))
    assert html.count("<dt>Target</dt><dd>x86-64</dd>") == 2  # in the details, and of the run in Provenance
    assert html.count(f"not available: {factory.NO_METER}") == 1
