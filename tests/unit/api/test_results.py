"""Results in Python: what a run folder holds, in the words and figures of the command."""

from __future__ import annotations

import dataclasses
import io
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import edgebench as eb
from harness.store.frame import csv_text
from harness.store.runfolder import RunFolder
from tests import factory
from tests.e2e.conftest import called


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", factory.nets() + factory.troubled(), leave_out=1)


def test_read_takes_a_folder_or_its_run_json(folder: RunFolder) -> None:
    results = eb.read(folder.path)
    assert results == eb.read(str(folder.path / "run.json"))
    assert results.path == folder.path
    assert list(results.records) == folder.records()
    assert results.header == folder.header()


def test_the_frame_is_the_commands_table(folder: RunFolder) -> None:
    printed = called(folder.path.parent, "table", folder.path, "--format", "csv").stdout
    assert csv_text(eb.read(folder.path).frame) == printed
    assert len(pd.read_csv(io.StringIO(printed))) == 32


def test_results_cannot_be_changed(folder: RunFolder) -> None:
    results = eb.read(folder.path)
    with pytest.raises(dataclasses.FrozenInstanceError):
        results.path = Path("elsewhere")  # type: ignore[misc]


def test_the_repr_is_short_and_counts_what_was_measured(folder: RunFolder) -> None:
    assert repr(eb.read(folder.path)) == f"<Results of 'quick': 27 of 32 cases measured, {folder.path}>"


def test_a_folder_without_a_run_and_a_damaged_record_are_errors(folder: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(eb.RecordError, match=r"not a run folder.*\n.*edgebench run"):
        eb.read(tmp_path / "absent")
    record = next((folder.path / "records").iterdir())
    record.write_text("{")
    with pytest.raises(eb.RecordError, match=record.name):
        eb.read(folder.path)


def test_the_report_is_written_where_asked(folder: RunFolder, tmp_path: Path) -> None:
    results = eb.read(folder.path)
    assert results.report() == folder.path / "report.html"
    assert results.report(tmp_path / "a" / "mine.html").read_text("utf-8").startswith("<!doctype html>")


class Tags(HTMLParser):
    """The tags and texts of a fragment."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_notebook_shows_every_case_with_its_verdict_and_escapes_every_text(folder: RunFolder) -> None:
    results = eb.read(folder.path)
    shown = Tags(results._repr_html_())
    assert shown.tags.count("tr") == 1 + len(results.records)
    assert "script" not in shown.tags
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    assert any(factory.HOSTILE in text for text in shown.texts)
    assert {record.verdict.status for record in results.records} <= {text[2:] for text in shown.texts}
    assert "1 planned without a record" in "".join(shown.texts)


def test_a_notebook_plots_the_cases_that_can_be_compared_and_their_front(folder: RunFolder) -> None:
    text = eb.read(folder.path)._repr_html_()
    assert Tags(text).tags.count("circle") == 24
    assert "polyline points=" in text
    assert text.count('fill="none"><title>') == 0


def test_a_case_that_is_not_trusted_is_hollow_in_the_plot(tmp_path: Path) -> None:
    plans = factory.nets()
    plans[0] = dataclasses.replace(plans[0], status="contended")
    text = eb.read(factory.write_run(tmp_path / "run", plans).path)._repr_html_()
    assert text.count('fill="none"><title>') == 1
    assert "opacity" in text


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_scored_cases_there_is_no_plot(tmp_path: Path, count: int) -> None:
    results = eb.read(factory.write_run(tmp_path / "run", factory.nets()[:count]).path)
    assert "<svg" not in results._repr_html_()


def test_recommend_and_best_name_the_commands_choice(folder: RunFolder) -> None:
    results = eb.read(folder.path)
    found = eb.recommend(folder.path, max_latency="0.6 ms", min_top1="88 %")
    printed = called(folder.path.parent, "recommend", folder.path, "--max-latency", "0.6 ms", "--min-top1", "88 %")
    assert found.best is not None
    assert results.best(max_latency="0.6 ms", min_top1=0.88) == found.best
    assert found.best.case.model in printed.stdout


def test_bounds_that_nothing_meets_have_no_best_but_a_way_out(folder: RunFolder) -> None:
    found = eb.recommend(eb.read(folder.path), max_latency="1 ns")
    assert found.best is None
    assert found.relax
    assert eb.read(folder.path).best(max_latency="1 ns") is None


def test_a_bound_without_its_unit_is_refused(folder: RunFolder) -> None:
    with pytest.raises(eb.UsageError, match=r"max_latency: '20' is not a time"):
        eb.recommend(folder.path, max_latency=20)  # type: ignore[arg-type]


def test_nothing_to_rank_is_nothing_measured(tmp_path: Path) -> None:
    results = eb.read(factory.write_run(tmp_path / "run", factory.troubled()).path)
    with pytest.raises(eb.NothingMeasured, match="no case has both a latency and an accuracy"):
        results.best()


def test_compare_is_the_commands_table(folder: RunFolder, tmp_path: Path) -> None:
    slower = factory.write_run(tmp_path / "slower", factory.nets(), shift=1.2)
    frame = eb.compare(eb.read(folder.path), slower.path)
    assert csv_text(frame) == called(tmp_path, "compare", folder.path, slower.path, "--format", "csv").stdout
    assert set(frame.change) == {"slower"}


def test_runs_of_two_boards_are_compared_only_if_forced(folder: RunFolder, tmp_path: Path) -> None:
    other = factory.write_run(tmp_path / "other", factory.nets(), target="raspberry-pi-5")
    with pytest.raises(eb.UsageError, match="different machines"):
        eb.compare(folder.path, other.path)
    assert "raspberry-pi-5" in eb.compare(folder.path, other.path, force=True).unlike[0]


def test_targets_are_those_of_the_command_and_a_folder_may_add_some(tmp_path: Path) -> None:
    known = eb.targets()
    assert [line.split()[0] for line in called(tmp_path, "targets", "list").stdout.splitlines()] == list(known)
    (tmp_path / "mine.toml").write_text('extends = "aarch64"\ntitle = "Mine"\n')
    assert eb.targets(tmp_path)["mine"].title == "Mine"
    with pytest.raises(eb.UsageError, match="no folder of descriptors"):
        eb.targets(tmp_path / "absent")
