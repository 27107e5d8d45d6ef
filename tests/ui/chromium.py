"""Headless Chromium that reaches no network, for browser tests and for the scripts that make pictures."""

from __future__ import annotations

import shutil
from typing import Any

BINARY = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = "no Chromium or ChromeDriver: apt-get install chromium chromium-driver"
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1366,768"),
)


def start() -> Any:
    """A browser driven by Selenium; RuntimeError where it is not installed. Whoever starts it calls `quit()`."""
    from selenium import webdriver

    if not BINARY or not DRIVER:
        raise RuntimeError(MISSING)
    options = webdriver.ChromeOptions()
    options.binary_location = BINARY
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
