from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.labels import setting_of
from reports.recommend import Constraints, recommend
from tests.ui.page import drawn, requested_urls, window
from tests.ui.screenshots import make

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


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
def test_the_sliders_choose_the_same_case_as_the_command(
    browser: Any, report: str, records: list[Record], places: dict[str, int]
) -> None:
    """The sliders are set by position, and their values are passed to `recommend`."""
    browser.get(report)
    values = browser.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('#sliders input')].map((input) => {"
        " if (input.name in arguments[0]) input.value = arguments[0][input.name];"
        " input.dispatchEvent(new Event('input', {bubbles: true}));"
        " return [input.name, JSON.parse(input.dataset.values)[input.value]]; }))",
        places,
    )
    recommendation = recommend(records, Constraints(**{name: values[name] for name in places}))
    text = browser.execute_script("return document.querySelector('#best').textContent")
    if recommendation.best is None:
        assert text == "Nothing fits: relax a limit."
    else:
        first = "Fastest" if "top1" in places else "Most accurate"
        label = f"{recommendation.best.case.model} · {setting_of(recommendation.best)}"
        assert text.startswith(f"{recommendation.fitting} of {recommendation.considered} cases fit. {first}: {label}, ")


def test_the_browser_draws_the_same_front_as_python(browser: Any, report: str) -> None:
    """Before any slider is moved, the script computes the same front as Python did."""
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


def test_hostile_names_run_nothing(browser: Any, report: str) -> None:
    """An alert would block the driver: this call would raise."""
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    assert browser.execute_script("return document.querySelectorAll('main script:not([type])').length") == 0


def test_screenshots_of_the_golden_run(browser: Any, tmp_path: Path) -> None:
    paths = make(RunFolder(Path(__file__).parents[1] / "golden" / "run-v1"), tmp_path / "images", browser)
    assert [path.name for path in paths] == ["report.png", "report-dark.png", "terminal.svg"]
    light, dark = (path.read_bytes() for path in paths[:2])
    for picture in (light, dark):
        assert picture.startswith(b"\x89PNG")
        assert struct.unpack(">II", picture[16:24]) == (2049, 1152)  # 1366 x 768, times 1.5
    assert light != dark
    assert "mobilenet_v2-0.35-32" in paths[2].read_text()


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
    violations = browser.execute_async_script(
        AXE.read_text()
        + "; const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations));"
    )
    serious = {violation["id"]: [node["html"][:120] for node in violation["nodes"][:3]] for violation in violations
               if violation["impact"] in ("serious", "critical")}  # fmt: skip
    assert serious == {}
