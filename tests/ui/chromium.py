"""Headless Chromium without network access, for browser tests and screenshots."""

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
    """Start a browser driven by Selenium. The caller has to `quit()` it.

    Raises:
        RuntimeError: Chromium or ChromeDriver is not installed.

    """
    from selenium import webdriver

    if not BINARY or not DRIVER:
        raise RuntimeError(MISSING)
    options = webdriver.ChromeOptions()
    options.binary_location = BINARY
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
