"""Using the report by keyboard only: sorting, filters, sliders, skip link."""

from __future__ import annotations

from typing import Any

from tests.ui.page import column, drawn, press

ENTER, SPACE, TAB, RIGHT, LEFT, ESCAPE = "\ue007", " ", "\ue004", "\ue014", "\ue012", "\ue00c"


def focused(browser: Any, what: str) -> Any:
    return browser.execute_script(f"return document.activeElement.{what}")


def test_the_table_sorts_by_keyboard_and_missing_stays_last(browser: Any, report: str) -> None:
    browser.get(report)
    browser.execute_script("document.querySelectorAll('#cases-table th button')[2].focus()")
    press(browser, ENTER)
    up = column(browser, 2)
    press(browser, SPACE)
    down = column(browser, 2)
    numbers = [float(value) for value in up if value]
    assert numbers == sorted(numbers)
    assert [float(value) for value in down if value] == numbers[::-1]
    assert up[-1] == down[-1] == ""
    assert (
        browser.execute_script("return document.querySelector('th[aria-sort]').getAttribute('aria-sort')")
        == "descending"
    )


def test_the_first_tab_stop_skips_the_header(browser: Any, report: str) -> None:
    browser.get(report)
    press(browser, TAB)
    assert focused(browser, "className") == "skip"
    press(browser, ENTER)
    assert browser.execute_script("return location.hash") == "#main"


def test_filters_apply_everywhere_and_are_part_of_the_address(browser: Any, report: str) -> None:
    browser.get(report)
    drawn(browser, "latency-0")
    browser.execute_script("document.querySelector('[data-facet=runtime] summary').focus()")
    press(browser, ENTER, TAB, SPACE)
    shown = "return document.querySelectorAll('#cases-table tbody tr:not([hidden])').length"
    few = browser.execute_script(shown)
    assert 0 < few < 32
    assert browser.execute_script("return location.hash") == "#?runtime=onnxruntime-cpu"
    visible = [trace["visible"] for trace in drawn(browser, "latency-0")]
    assert visible.count(False) == 4
    press(browser, ESCAPE)
    assert focused(browser, "tagName") == "SUMMARY"
    assert browser.execute_script("return document.querySelectorAll('.menu[open]').length") == 0
    browser.get("about:blank")
    browser.get(f"{report}#?runtime=onnxruntime-cpu")
    assert browser.execute_script(shown) == few
    assert browser.execute_script("return document.querySelector('#filtered').textContent") == f"{few} of 32 cases"


def test_a_bound_moves_the_front_and_the_choice(browser: Any, report: str) -> None:
    browser.get(report)
    before = drawn(browser, "tradeoff-plot")[0]["x"]
    browser.execute_script("document.querySelector('.fits summary').focus()")
    press(browser, ENTER, TAB)
    assert focused(browser, "name") == "latency_p50_ns"
    press(browser, *[LEFT] * 18)
    after = drawn(browser, "tradeoff-plot")[0]["x"]
    assert 0 < len(after) < len(before)
    assert max(after) < max(before)
    assert focused(browser, "getAttribute('aria-valuetext')").endswith(" ms")
    assert "of 24 cases fit. Most accurate: mobilenet_v2-0.35-32" in browser.execute_script(
        "return document.querySelector('#best').textContent"
    )
    press(browser, *[RIGHT] * 18)
    assert drawn(browser, "tradeoff-plot")[0]["x"] == before
