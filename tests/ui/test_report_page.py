from __future__ import annotations

import dataclasses
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.labels import setting_of
from reports.recommend import Constraints, pareto_front, recommend
from tests import factory
from tests.ui.page import drawn, requested_urls, window
from tests.ui.screenshots import make


def test_it_draws_without_an_error_or_a_request(browser: Any, report: str) -> None:
    browser.get(report)
    assert len(drawn(browser, "tradeoff-plot")) > 3
    assert len(drawn(browser, "latency-0")) == 8
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in requested_urls(browser))


def test_first_screen_holds_verdict_validity_plot_and_the_tables_top(browser: Any, report: str) -> None:
    window(browser, 1366, 768)
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    browser.execute_script("scrollTo(0, 0)")
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    for place in ("#verdict", "#validity", "#tradeoff .canvas", "#cases-table tbody tr"):
        assert browser.execute_script(bottom, place) <= 768, place


def test_a_link_to_a_case_opens_it(browser: Any, report: str) -> None:
    browser.get(f"{report}#case-x86-64-mobilenet_v2-0.35-32__int8-static__litert-xnnpack__t1")
    opened = browser.execute_script("return [...document.querySelectorAll('details.case[open]')].map((one) => one.id)")
    assert opened == ["case-x86-64-mobilenet_v2-0.35-32__int8-static__litert-xnnpack__t1"]


PLACES: list[dict[str, int]] = [
    {},
    {"latency_p50_ns": 9},
    {"top1": 14},
    {"artifact_bytes": 4, "latency_p50_ns": 12},
    {"energy_net_j": 1, "top1": 20},
]
"""Positions of the sliders."""


def best_of(browser: Any, page: str, places: dict[str, int]) -> tuple[str, Constraints]:
    """Move the sliders of a page; what it says is best, and the bounds they stand for."""
    browser.get(page)
    values = browser.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('#sliders input')].map((input) => {"
        " if (input.name in arguments[0]) input.value = arguments[0][input.name];"
        " input.dispatchEvent(new Event('input', {bubbles: true}));"
        " return [input.name, JSON.parse(input.dataset.values)[input.value]]; }))",
        places,
    )
    text = browser.execute_script("return document.querySelector('#best').textContent")
    return text, Constraints(**{name: values[name] for name in places})


def sentence(records: list[Record], bounds: Constraints) -> str:
    """The beginning of what a page must say, by what the command recommends."""
    recommendation = recommend(records, bounds)
    if recommendation.best is None:
        return "Nothing fits: relax a limit."
    first = "Fastest" if bounds.top1 is not None else "Most accurate"
    label = f"{recommendation.best.case.model} · {setting_of(recommendation.best)}"
    return f"{recommendation.fitting} of {recommendation.considered} cases fit. {first}: {label}, "


@pytest.mark.parametrize("places", PLACES)
def test_the_sliders_choose_the_same_case_as_the_command(
    browser: Any, report: str, records: list[Record], places: dict[str, int]
) -> None:
    """The sliders are set by position, and their values are passed to `recommend`."""
    text, bounds = best_of(browser, report, places)
    assert text.startswith(sentence(records, bounds))


@pytest.fixture(scope="session")
def doubtful_boards(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[tuple[str, list[Record]]]]:
    """Two boards with verdicts of all kinds; an imprecise case is half a per cent ahead of the fastest precise one."""
    folder = tmp_path_factory.mktemp("doubtful")
    statuses = ("precise", "imprecise", "contended", "wrong-output", "precise", "crashed", "untimed", "imprecise")
    plans = [
        dataclasses.replace(plan, status=statuses[index % len(statuses)])
        for index, plan in enumerate(factory.nets(joules=True))
    ]
    fastest = min((plan for plan in plans if plan.status == "precise"), key=lambda plan: plan.latency_ns)
    ahead = dataclasses.replace(fastest.case, threads=2)
    latency_ns = round(fastest.latency_ns * 0.995)
    plans.append(dataclasses.replace(fastest, case=ahead, status="imprecise", latency_ns=latency_ns))
    first = factory.write_run(folder / "a", plans, host={"unit_id": "aaaa"})
    second = factory.write_run(folder / "b", plans[::-1], shift=1.3, host={"unit_id": "bbbb"}, target="raspberry-pi-5",
                               started_utc="2026-01-02T00:00:00Z")  # fmt: skip
    page = build([first, second], folder / "report.html").as_uri()
    return page, [("x86-64", list(first.records())), ("raspberry-pi-5", list(second.records()))]


@pytest.mark.parametrize("places", PLACES)
def test_the_sliders_choose_on_each_board_what_can_be_trusted_there(
    browser: Any, doubtful_boards: tuple[str, list[tuple[str, list[Record]]]], places: dict[str, int]
) -> None:
    page, boards = doubtful_boards
    text, bounds = best_of(browser, page, places)
    for unit, records in boards:
        assert f"{unit}: {sentence(records, bounds)}" in text
    for name in ("tradeoff-plot", "tradeoff-plot-1"):
        assert drawn(browser, name)[0]["x"] == sorted(drawn(browser, name)[0]["x"])


def test_each_board_keeps_its_front_when_the_sliders_move(
    browser: Any, doubtful_boards: tuple[str, list[tuple[str, list[Record]]]]
) -> None:
    page, boards = doubtful_boards
    browser.get(page)
    for index, (name, (_, records)) in enumerate(zip(("tradeoff-plot", "tradeoff-plot-1"), boards, strict=True)):
        written = browser.execute_script(
            f"return JSON.parse(document.querySelector('#{name}-json').textContent).data[0].x"
        )
        assert drawn(browser, name)[0]["x"] == written, index
        assert len(written) == len(pareto_front(records))


def test_the_browser_draws_the_same_front_as_python(browser: Any, report: str) -> None:
    """Before any slider is moved, the script computes the same front as Python did."""
    browser.get(report)
    written = browser.execute_script(
        "return JSON.parse(document.querySelector('#tradeoff-plot-json').textContent).data[0].x"
    )
    assert drawn(browser, "tradeoff-plot")[0]["x"] == written


_LABELS = """
const plot = document.querySelector(".canvas[data-figure='tradeoff-plot-json']");
const box = ({left, right, top, bottom}) => [left, right, top, bottom];
const boxOf = (one) => box(one.getBoundingClientRect());
return [[...plot.querySelectorAll(".annotation-text")].map((one) => [one.textContent, boxOf(one)]),
        [...plot.querySelectorAll(".scatterlayer .point")].map(boxOf), boxOf(plot)];
"""


@pytest.mark.parametrize("width", [1366, 390])
def test_points_of_the_front_are_named_and_no_name_covers_anything(browser: Any, report: str, width: int) -> None:
    window(browser, width, 768)
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    labels, points, (left, right, top, bottom) = browser.execute_script(_LABELS)
    assert len(labels) >= 3
    for index, (text, box) in enumerate(labels):
        assert re.match(r"(mobilenet|shufflenet|efficientnet)\S+( · [\w-]+ · [\w-]+)?$", text)
        assert left <= box[0] < box[1] <= right
        assert top <= box[2] < box[3] <= bottom
        others = [other for _, other in labels[:index]] + [[a + 3, b - 3, c + 3, d - 3] for a, b, c, d in points]
        for other in others:
            assert box[1] <= other[0] or other[1] <= box[0] or box[3] <= other[2] or other[3] <= box[2], text


@pytest.mark.parametrize("dark", ["dark", "light"])
def test_both_themes(browser: Any, report: str, dark: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": dark}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(report)
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) > 3 * 128
    assert light == (dark == "light")


def test_hostile_names_run_nothing(browser: Any, report: str) -> None:
    """An alert would block the driver: this call would raise."""
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    assert browser.execute_script("return document.querySelectorAll('main script:not([type])').length") == 0


def test_screenshots_of_the_golden_run(browser: Any, tmp_path: Path) -> None:
    paths = make(RunFolder(Path(__file__).parents[1] / "golden" / "run-v1"), tmp_path / "images", browser)
    pages = ["boards.png", "boards-narrow.png", "trend.png", "site.png", "case.png"]
    assert [path.name for path in paths] == ["report.png", "report-dark.png", *pages, "terminal.svg", "history.svg"]
    light, dark = (path.read_bytes() for path in paths[:2])
    for picture in (light, dark):
        assert picture.startswith(b"\x89PNG")
        assert struct.unpack(">II", picture[16:24]) == (2049, 1152)  # 1366 x 768, times 1.5
    assert light != dark
    for path, width in zip(paths[2:7], (1366, 390, 1366, 1366, 1366), strict=True):
        assert struct.unpack(">II", path.read_bytes()[16:24])[0] == width
        assert path.stat().st_size < 150_000
    run, history = (path.read_text(encoding="utf-8") for path in paths[7:])
    assert "mobilenet_v2-0.35-32" in run
    assert "step" in history
    assert "@font-face" not in run + history
