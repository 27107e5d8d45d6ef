from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.data import gather
from reports.recommend import Bounds, recommend
from reports.words import setting_of
from tests import factory
from tests.ui.screenshots import make

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def drawn(browser: Any, figure: str) -> Any:
    """Wait until the figure is drawn and return its traces."""
    from selenium.webdriver.support.ui import WebDriverWait

    place = f"document.querySelector('[data-figure=\"{figure}-json\"]')"
    browser.execute_script(f"{place}.scrollIntoView()")
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(f"return Boolean({place}.data)"))
    return browser.execute_script(
        f"return {place}.data.map(({{name, x, y, visible, meta}}) => ({{name, x, y, visible, meta}}))"
    )


def column(browser: Any, number: int) -> list[str]:
    rows = "document.querySelectorAll('#cases-table tbody tr:not([hidden])')"
    return browser.execute_script(f"return [...{rows}].map((row) => row.cells[{number}].dataset.value ?? '')")


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_it_draws_without_an_error_or_a_request(browser: Any, report: str) -> None:
    browser.get(report)
    assert len(drawn(browser, "tradeoff-plot")) > 3
    assert len(drawn(browser, "latency-0")) == 8
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in asked)


def test_first_screen_holds_verdict_validity_plot_and_the_tables_top(browser: Any, report: str) -> None:
    size = {"width": 1366, "height": 768, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    browser.execute_script("scrollTo(0, 0)")
    bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
    for place in ("#verdict", "#validity", "#tradeoff .canvas", "#cases-table tbody tr"):
        assert browser.execute_script(bottom, place) <= 768, place


def test_the_table_sorts_by_keyboard_and_missing_stays_last(browser: Any, report: str) -> None:
    browser.get(report)
    browser.execute_script("document.querySelectorAll('#cases-table th button')[2].focus()")
    press(browser, "\ue007")
    up = column(browser, 2)
    press(browser, " ")
    down = column(browser, 2)
    numbers = [float(value) for value in up if value]
    assert numbers == sorted(numbers)
    assert [float(value) for value in down if value] == numbers[::-1]
    assert up[-1] == down[-1] == ""
    assert (
        browser.execute_script("return document.querySelector('th[aria-sort]').getAttribute('aria-sort')")
        == "descending"
    )


def test_filters_apply_everywhere_and_live_in_the_address(browser: Any, report: str) -> None:
    browser.get(report)
    drawn(browser, "latency-0")
    browser.execute_script(
        "document.querySelector('[data-facet=runtime]').open = true;"
        "document.querySelector('input[name=runtime]').focus()"
    )
    press(browser, " ")
    shown = "return document.querySelectorAll('#cases-table tbody tr:not([hidden])').length"
    few = browser.execute_script(shown)
    assert 0 < few < 32
    assert browser.execute_script("return location.hash") == "#?runtime=onnxruntime-cpu"
    visible = [trace["visible"] for trace in drawn(browser, "latency-0")]
    assert visible.count(False) == 4
    browser.get("about:blank")
    browser.get(f"{report}#?runtime=onnxruntime-cpu")
    assert browser.execute_script(shown) == few
    assert browser.execute_script("return document.querySelector('#filtered').textContent") == f"{few} of 32 cases"


def test_a_link_to_a_case_opens_it(browser: Any, report: str) -> None:
    browser.get(f"{report}#case-x86-64-mobilenet_v2-0.35-32__int8-static__litert-xnnpack__t1")
    opened = browser.execute_script("return [...document.querySelectorAll('details.case[open]')].map((one) => one.id)")
    assert opened == ["case-x86-64-mobilenet_v2-0.35-32__int8-static__litert-xnnpack__t1"]


def test_a_bound_changes_the_front_and_the_choice(browser: Any, report: str) -> None:
    browser.get(report)
    before = drawn(browser, "tradeoff-plot")[0]["x"]
    browser.execute_script(
        "const bound = document.querySelector('#sliders input[name=latency_p50_ns]');"
        "bound.closest('details').open = true; bound.value = 5;"
        "bound.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    after = drawn(browser, "tradeoff-plot")[0]["x"]
    assert 0 < len(after) < len(before)
    assert "of 24 cases fit. Most accurate: mobilenet_v2-0.35-32 · int8-static" in browser.execute_script(
        "return document.querySelector('#best').textContent"
    )


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"latency_p50_ns": 9},
        {"top1": 14},
        {"artifact_bytes": 4, "latency_p50_ns": 12},
        {"energy_net_j": 1, "top1": 20},
    ],
)
def test_the_page_answers_as_the_command_does(
    browser: Any, report: str, records: list[Record], places: dict[str, int]
) -> None:
    """The bounds are set by the sliders' places, and handed to `recommend` as the figures that stand there."""
    browser.get(report)
    values = browser.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('#sliders input')].map((input) => {"
        " if (input.name in arguments[0]) input.value = arguments[0][input.name];"
        " input.dispatchEvent(new Event('input', {bubbles: true}));"
        " return [input.name, JSON.parse(input.dataset.values)[input.value]]; }))",
        places,
    )
    found = recommend(records, Bounds(**{name: values[name] for name in places}))
    told = browser.execute_script("return document.querySelector('#best').textContent")
    if found.best is None:
        assert told == "Nothing fits: move a bound back."
    else:
        first = "Fastest" if "top1" in places else "Most accurate"
        label = f"{found.best.case.model} · {setting_of(found.best)}"
        assert told.startswith(f"{found.fitting} of {found.considered} cases fit. {first}: {label}, ")


def test_the_front_in_the_browser_is_that_of_the_page(browser: Any, report: str) -> None:
    """Before any bound is moved the script reckons the same front as Python wrote."""
    browser.get(report)
    written = browser.execute_script(
        "return JSON.parse(document.querySelector('#tradeoff-plot-json').textContent).data[0].x"
    )
    assert drawn(browser, "tradeoff-plot")[0]["x"] == written


@pytest.mark.parametrize("dark", ["dark", "light"])
def test_both_themes(browser: Any, report: str, dark: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": dark}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(report)
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    light = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) > 3 * 128
    assert light == (dark == "light")


def test_a_narrow_window_needs_no_horizontal_scrolling(browser: Any, report: str) -> None:
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 360


def test_without_javascript_every_number_is_there(browser: Any, report: str, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(report)
    from selenium.webdriver.common.by import By

    assert "25 of 32 cases can be trusted" in browser.find_element(By.ID, "verdict").text
    assert len(browser.find_elements(By.CSS_SELECTOR, "#cases-table tbody tr")) == 32
    assert not browser.find_element(By.ID, "filters").is_displayed()
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_hostile_names_run_nothing(browser: Any, report: str) -> None:
    """An alert would block the driver: this call would raise."""
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    assert browser.execute_script("return document.querySelectorAll('main script:not([type])').length") == 0


def test_it_prints_on_pages_of_paper(browser: Any, report: str) -> None:
    browser.get(report)
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") <= 60


def test_screenshots_of_the_golden_run(browser: Any, tmp_path: Path) -> None:
    made = make(RunFolder(Path(__file__).parents[1] / "golden" / "run-v1"), tmp_path / "images", browser)
    assert [path.name for path in made] == ["report.png", "report-dark.png", "terminal.svg"]
    light, dark = (path.read_bytes() for path in made[:2])
    for picture in (light, dark):
        assert picture.startswith(b"\x89PNG")
        assert struct.unpack(">II", picture[16:24]) == (2049, 1152)  # 1366 x 768, times 1.5
    assert light != dark
    assert "mobilenet_v2-0.35-32" in made[2].read_text()


def test_an_empty_run_opens_too(browser: Any, tmp_path: Path) -> None:
    run: RunFolder = factory.write_run(tmp_path / "run", factory.nets(), leave_out=24)
    browser.get(Path(build([run], tmp_path / "report.html")).as_uri())
    assert browser.execute_script("return 'ready' in document.documentElement.dataset")
    assert not gather([run]).cases


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser: Any, report: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip(f"axe-core is not installed: npm ci in {AXE.parents[2].name}/")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    found = browser.execute_async_script(
        AXE.read_text()
        + "; const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations));"
    )
    serious = {one["id"]: [node["html"][:120] for node in one["nodes"][:3]] for one in found
               if one["impact"] in ("serious", "critical")}  # fmt: skip
    assert serious == {}
