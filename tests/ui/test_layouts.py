"""Reports of several runs, in a narrow window, without JavaScript, from a folder and from a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.metric import METRICS
from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.build import build, build_folder, write
from reports.data import Reset, gather
from reports.serve.run_sources import FolderSource
from reports.serve.server import ReportServer
from reports.serve.site import Site
from tests import factory
from tests.ui.page import drawn, requested_urls, window


@pytest.fixture(scope="session")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report over eight nights with a change point, an environment change and a declared reset."""
    folder = tmp_path_factory.mktemp("nights")
    runs = [
        factory.write_run(folder / str(day), factory.nets()[:4], shift=1.2 if day >= 4 else 1.0,
                          started_utc=f"2026-01-{day:02d}T00:00:00Z", versions={"lib": "2" if day >= 7 else "1"})
        for day in range(1, 9)
    ]  # fmt: skip
    return write(gather(runs, resets=[Reset("2026-01-05T00:00:00Z", "new cooler")]), folder / "report.html")


@pytest.fixture(scope="session")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of one suite on two boards, and the comparison of one with the other."""
    folder = tmp_path_factory.mktemp("boards")
    first = factory.write_run(folder / "a", factory.nets())
    second = factory.write_run(folder / "b", factory.nets(), shift=1.7, target="raspberry-pi-5")
    build([second], folder / "compared.html", first)
    return build([first, second], folder / "report.html")


def test_a_report_over_nights_draws_its_history(browser: Any, nights: Path) -> None:
    browser.get(nights.as_uri())
    assert len(drawn(browser, "history-0")) == 4
    text = browser.execute_script("return document.querySelector('#history').textContent")
    assert "4 of 4 cases changed level; 1 environment change, 1 declared reset." in text


def test_two_boards_stand_side_by_side(browser: Any, boards: Path) -> None:
    browser.get(boards.with_name("compared.html").as_uri())
    assert sum(len(trace["x"]) for trace in drawn(browser, "ratios-0")) == 24
    text = browser.execute_script("return document.querySelector('#comparison').textContent")
    assert "quick on raspberry-pi-5" in text


@pytest.mark.parametrize("which", ["report", "nights", "boards"])
def test_a_narrow_window_needs_no_horizontal_scrolling(
    browser: Any, which: str, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(which)
    window(browser, 360, 800)
    browser.get(page if isinstance(page, str) else page.as_uri())
    drawn(browser, "tradeoff-plot")
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360


def test_without_javascript_every_number_is_there(browser: Any, report: str, folder: Path) -> None:
    from selenium.webdriver.common.by import By

    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(report)
    assert "25 precise, 0 usable with caution, 7 not" in browser.find_element(By.ID, "verdict").text
    assert len(browser.find_elements(By.CSS_SELECTOR, "#cases-table tbody tr")) == 32
    assert not browser.find_element(By.ID, "filters").is_displayed()
    text = " ".join(browser.find_element(By.ID, "main").get_attribute("textContent").split())
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    data = gather([RunFolder(folder / "run")])
    for case in data.cases:
        for name in METRICS:
            shown = data.show(case.record, name)
            assert " ".join((shown.about if shown.missing else shown.text).split()) in text


def broken(records: list[Record], kind: str, folder: Path) -> RunFolder:
    if kind == "empty":
        return factory.write_run(folder, factory.nets(), leave_out=24)
    run = factory.write_run(folder, [plan for plan in factory.troubled() if plan.status == "crashed"])
    if kind == "newer":
        for path in (run.path / "records").iterdir():
            path.write_text(path.read_text().replace('"schema":', '"schema": 99, "was":'))
    return run


@pytest.mark.parametrize(
    ("kind", "headline"),
    [
        ("empty", "Nothing was measured"),
        ("crashed", "0 precise, 0 usable with caution, 2 not"),
        ("newer", "Nothing was measured"),
    ],
)
def test_a_run_without_values_opens(
    browser: Any, tmp_path: Path, records: list[Record], kind: str, headline: str
) -> None:
    browser.get(build([broken(records, kind, tmp_path / "run")], tmp_path / "report.html").as_uri())
    assert browser.execute_script("return 'ready' in document.documentElement.dataset")
    assert headline in browser.execute_script("return document.querySelector('#verdict').textContent")


def test_a_folder_opens_from_disk_and_loads_a_plot_when_it_is_near(browser: Any, folder: Path, tmp_path: Path) -> None:
    page = build_folder(gather([RunFolder(folder / "run")]), tmp_path / "report")
    key = "case-x86-64-mobilenet_v2-0.35-32__int8-static__litert-xnnpack__t1"
    browser.get(page.as_uri())
    assert len(drawn(browser, "tradeoff-plot")) > 3
    urls = requested_urls(browser)
    assert all(url.startswith(("file:", "data:", "about:")) for url in urls)
    assert not any(key in url for url in urls)
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#{key}")
    assert len(drawn(browser, key)) == 3


@pytest.fixture
def server(folder: Path) -> Iterator[ReportServer]:
    with ReportServer(Site(FolderSource(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_served_report_draws_under_the_servers_policy(browser: Any, server: ReportServer) -> None:
    from selenium.webdriver.common.by import By

    browser.get(server.url)
    browser.find_element(By.CSS_SELECTOR, "tbody a").click()
    assert browser.current_url == f"{server.url}run/run"
    assert len(drawn(browser, "tradeoff-plot")) > 3
    assert all(url.startswith((server.url, "data:", "about:")) for url in requested_urls(browser))
