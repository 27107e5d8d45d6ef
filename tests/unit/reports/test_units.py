"""Several pieces of hardware in one report: each has its own headline, baseline, front and change."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.core.record import RunHeader
from harness.store.runfolder import RunFolder
from reports.build import build_html
from reports.data import ReportData, gather
from reports.recommend import pareto_front
from reports.section import Absent
from reports.sections import cases, comparison, history, latency, memory, power, tradeoff, validity, verdict
from reports.serve.run_sources import FolderSource
from reports.serve.site import Site
from reports.units import unit_names
from tests import factory

EXTRA = dataclasses.replace(factory.nets()[0], case=dataclasses.replace(factory.nets()[0].case, threads=4))


def board(
    folder: Path, unit: str | None, day: int, shift: float = 1.0, target: str = "x86-64", **more: Any
) -> RunFolder:
    plans = more.pop("plans", factory.nets(joules=True))
    host = {"cpu": "Test CPU", "unit_id": unit, "machine_id": more.pop("machine", f"m-{unit}")}
    about = {"started_utc": f"2026-01-{day:02d}T00:00:00Z", "run_id": f"{unit}-{day}", "target": target, "host": host}
    return factory.write_run(folder / f"{target}-{unit}-{day}", plans, shift=shift, **(about | more))


@pytest.fixture
def two(tmp_path: Path) -> ReportData:
    """Two boards, two nights each: one became 6 % slower in all cases, and the other, run last, did not change."""
    nets = [*factory.nets(joules=True), EXTRA]
    slow = [board(tmp_path, "slow00", 1), board(tmp_path, "slow00", 3, 1.06)]
    calm = [board(tmp_path, "calm00", day, 1.7, "raspberry-pi-5", plans=nets) for day in (2, 4)]
    return gather([*slow, *calm])


def text(html: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", str(html)).split())


def test_each_board_has_its_headline_and_the_worst_is_first(two: ReportData) -> None:
    shown = text(verdict.render(two)).replace("\N{NO-BREAK SPACE}", " ")
    slow, calm = shown.index("24 of 24 cases slower (worst +6"), shown.index("0 of 25 cases slower, 25 unchanged")
    assert slow < calm, "the worst first, whichever ran last"
    assert shown.index("x86-64") < slow < shown.index("raspberry-pi-5") < calm
    assert "Compared with quick on x86-64, 2026-01-01 00:00 UTC" in shown
    assert "Compared with quick on raspberry-pi-5, 2026-01-02 00:00 UTC" in shown
    assert shown.count("Fastest") == shown.count("Most accurate") == 2


def test_one_board_has_one_headline_without_its_name_above(tmp_path: Path) -> None:
    html = str(verdict.render(gather([board(tmp_path, "only00", 1)])))
    assert html.count("banner") == 1
    assert "<h3>" not in html


def test_each_board_has_its_own_front(two: ReportData) -> None:
    html = str(tradeoff.render(two))
    for unit, name in zip(two.units, ("tradeoff-plot", "tradeoff-plot-1"), strict=True):
        figure = json.loads(re.search(rf'id="{name}-json">(.*?)</script>', html, re.DOTALL)[1])  # type: ignore[index]
        front, *markers = figure["data"]
        assert front["meta"]["front"] == unit.name
        assert len(front["x"]) == len(pareto_front([case.record for case in unit.cases])) > 3
        keys = {key for trace in markers for key in trace["customdata"]}
        assert keys == {case.key for case in unit.cases}, "no case of another board"
        assert f"Accuracy against latency on {unit.name}" in html


def test_boards_are_compared_only_where_the_baseline_is_another_board(tmp_path: Path, two: ReportData) -> None:
    shown = text(comparison.render(two))
    assert shown.count("Latency, after over before") == 2, "each board in time"
    assert "raspberry-pi-5 over x86-64" not in shown
    alone = [board(tmp_path, "aaaa11", 1), board(tmp_path, "bbbb22", 2, target="raspberry-pi-5")]
    absent = comparison.render(gather(alone))
    assert isinstance(absent, Absent)
    assert "--baseline RUN_ON_THE_OTHER_BOARD" in absent.remedy
    html = str(comparison.render(gather(alone[1:], alone[0])))
    assert "Latency, raspberry-pi-5 over x86-64" in text(html)
    assert "quick on raspberry-pi-5, 2026-01-02 00:00 UTC compared with quick on x86-64, 2026-01-01" in text(html)
    assert "two boards, raspberry-pi-5 and x86-64: a ratio is that of the boards" in text(html)
    heads = [text(head) for head in re.findall(r"<th scope=\"col\"[^>]*>.*?</th>", html)]
    assert {"x86-64 ms", "raspberry-pi-5 ms"} <= set(heads)
    assert not {"Before ms", "After ms"} & set(heads)


def test_memory_is_drawn_by_board(two: ReportData) -> None:
    shown = text(memory.render(two))
    assert "Peak memory against model size on x86-64" in shown
    assert "Peak memory against model size on raspberry-pi-5" in shown


def changes(data: ReportData) -> dict[str, str]:
    """The column 'Change' by the key of the case."""
    rows = re.findall(r'<tr data-case="([^"]+)">(.*?)</tr>', str(cases.render(data)), re.DOTALL)
    return {key: text(re.search(r'<td class="num change".*?</td>', row, re.DOTALL)[0]) for key, row in rows}  # type: ignore[index]


def test_not_run_again_is_said_where_it_is_true(tmp_path: Path, two: ReportData) -> None:
    found = changes(two)
    assert len(found) == 49
    assert not any("again" in change or "new" in change for change in found.values()), "each board ran all of its cases"
    assert sum(change.startswith(("▲ +6", "▲ +5.")) for change in found.values()) == 24
    fewer = board(tmp_path, "slow00", 5, plans=factory.nets(joules=True)[:20])
    again = changes(gather([run.reader for run in two.runs] + [fewer]))  # type: ignore[list-item]
    assert [key.startswith("case-x86-64") for key, change in again.items() if change == "not run again"] == [True] * 4
    single = board(tmp_path, "third0", 6, target="intel-n100")
    alone = changes(gather([run.reader for run in two.runs] + [single]))  # type: ignore[list-item]
    assert {change for key, change in alone.items() if "intel-n100" in key} == {"none"}, "it has no earlier run"


def test_two_boards_of_one_target_are_told_apart(tmp_path: Path) -> None:
    """Two of a kind: all cases of both are shown, and what one took longer than the other is no change in time."""
    data = gather([board(tmp_path, "aaaa1111", 1), board(tmp_path, "bbbb2222", 2, 1.5)])
    assert [unit.name for unit in data.units] == ["x86-64 (aaaa11)", "x86-64 (bbbb22)"]
    assert len(data.cases) == len({case.key for case in data.cases}) == 48
    assert [unit.baseline for unit in data.units] == [None, None]
    shown = text(build_html(data).partition('<main id="main">')[2])
    assert shown.count("24 precise, 0 usable with caution, 0 not.") == 2
    assert "over x86-64 (aaaa11)" not in shown, "nobody asked to compare them"
    assert "after over before" not in shown
    assert "A history needs two runs on one machine" in shown


def header(run: str, unit: str | None, machine: str | None, target: str = "x86-64") -> RunHeader:
    return factory.header([], run_id=run, target=target, host={"unit_id": unit, "machine_id": machine})


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ([("a", "m1"), ("a", "m1")], ["x86-64", "x86-64"]),
        ([("a", "m1"), ("b", "m1")], ["x86-64 (a)", "x86-64 (b)"]),  # copies of one SD card
        ([("a", "m1"), ("a", "m2")], ["x86-64", "x86-64"]),  # one board, installed anew
        ([(None, "m1"), ("a", "m1")], ["x86-64", "x86-64"]),  # an older run of the same system
        ([(None, "m1"), ("a", "m1"), ("b", "m1")], ["x86-64 (m1)", "x86-64 (a)", "x86-64 (b)"]),  # of either
        ([(None, "m1"), (None, "m2")], ["x86-64 (m1)", "x86-64 (m2)"]),
        ([(None, None), (None, None)], ["x86-64", "x86-64"]),  # of versions without any id
        ([(None, None), ("a", "m1")], ["x86-64 (unknown board)", "x86-64 (a)"]),
        ([("abcdef12", "m1"), ("abcdef34", "m2")], ["x86-64 (abcdef12)", "x86-64 (abcdef34)"]),
    ],
)
def test_runs_of_one_board_are_recognised(headers: list[tuple[str | None, str | None]], names: list[str]) -> None:
    assert unit_names([header(str(n), unit, machine) for n, (unit, machine) in enumerate(headers)]) == names


def test_one_board_as_two_targets_is_two(tmp_path: Path) -> None:
    made = [header("1", "a", "m"), header("2", "a", "m", "jetson-nano (recorded)")]
    assert unit_names(made) == ["x86-64", "jetson-nano (recorded)"]


def test_a_given_baseline_is_that_of_its_board(tmp_path: Path, two: ReportData) -> None:
    readers = [run.reader for run in two.runs]
    other = board(tmp_path, "slow00", 9, 1.06)
    units = {unit.name: unit for unit in gather(readers, other).units}
    assert units["x86-64"].baseline.header.run_id == "slow00-9"  # type: ignore[union-attr]
    assert units["raspberry-pi-5"].baseline.header.run_id == "calm00-2", "its own oldest"  # type: ignore[union-attr]
    foreign = board(tmp_path, "third0", 8, target="intel-n100")
    units = {unit.name: unit for unit in gather(readers, foreign).units}
    assert units["raspberry-pi-5"].baseline_unit == "intel-n100", "of the newest run, since it has no board here"
    shown = text(verdict.render(gather(readers, foreign)))
    assert "cases slower than on intel-n100" in shown
    assert "Latency, raspberry-pi-5 over intel-n100" in text(comparison.render(gather(readers, foreign)))


def test_findings_readings_and_distributions_name_their_board(two: ReportData) -> None:
    panel = text(validity.render(two))
    assert "x86-64: governor" in panel
    assert "raspberry-pi-5: governor" in panel
    assert "Temperature on x86-64" in text(power.render(two))
    plots = text(latency.render(two))
    assert "mobilenet_v2-0.35-32 on x86-64" in plots
    assert "mobilenet_v2-0.35-32 on raspberry-pi-5" in plots
    assert "2 runs on raspberry-pi-5" in text(history.render(two))


def test_the_list_of_runs_compares_with_the_run_before_on_the_same_board(tmp_path: Path) -> None:
    for unit, day in (("aaaa1111", 1), ("bbbb2222", 2), ("aaaa1111", 3)):
        board(tmp_path, unit, day)
    page = Site(FolderSource(tmp_path)).respond("/").body.decode()
    assert re.findall(r'href="/compare/([^"]+)"', page) == ["x86-64-aaaa1111-1/x86-64-aaaa1111-3"]


def test_a_comparison_of_two_boards_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, again, other = (str(board(tmp_path, unit, day).path) for unit, day in (("aaaa", 1), ("aaaa", 2), ("bbbb", 3)))
    assert cli.main(["compare", one, again]) == 0
    assert "two boards" not in capsys.readouterr().out
    assert cli.main(["compare", one, other]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "two boards: A is x86-64 (aaaa), B is x86-64 (bbbb); a ratio is no change in time" in shown
