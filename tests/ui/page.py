"""Helpers for an open report: wait for a plot, read the table, press keys, resize the window."""

from __future__ import annotations

from typing import Any


def drawn(browser: Any, figure: str) -> Any:
    """Wait until the figure is drawn and return its traces."""
    from selenium.webdriver.support.ui import WebDriverWait

    place = f"document.querySelector('[data-figure=\"{figure}-json\"]')"
    browser.execute_script(f"{place}.scrollIntoView()")
    WebDriverWait(browser, 120).until(lambda b: b.execute_script(f"return Boolean({place}.data)"))
    return browser.execute_script(
        f"return {place}.data.map(({{name, x, y, visible, meta}}) => ({{name, x, y, visible, meta}}))"
    )


def column(browser: Any, number: int) -> list[str]:
    """Return the sort values of a column in the table of cases, in the order shown."""
    rows = "document.querySelectorAll('#cases-table tbody tr:not([hidden])')"
    return browser.execute_script(f"return [...{rows}].map((row) => row.cells[{number}].dataset.value ?? '')")


def press(browser: Any, *keys: str) -> None:
    """Press keys one after another in the focused element."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def window(browser: Any, width: int, height: int) -> None:
    """Set the size of the window in CSS pixels; a width below 600 emulates a phone."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def requested_urls(browser: Any) -> list[str]:
    """Return every address that the page requested since the last call."""
    import json

    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
