"""A headless Chromium without network access, and reports to open in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.store.runfolder import RunFolder
from reports.build import build
from tests import factory
from tests.ui import chromium as headless


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/ui/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install .[dev]")
    if not headless.BINARY or not headless.DRIVER:
        pytest.skip(headless.MISSING)
    driver = headless.start()
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """The browser without emulation and with empty logs. A test fails if the page logs an error."""
    chromium.get("about:blank")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    yield chromium
    errors = [entry["message"] for entry in chromium.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert errors == []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of case, and its report."""
    folder = tmp_path_factory.mktemp("report")
    run = factory.write_run(folder / "run", [*factory.nets(joules=True), *factory.troubled()], leave_out=1)
    build([run], folder / "report.html")
    return folder


@pytest.fixture(scope="session")
def report(folder: Path) -> str:
    """Address of that report."""
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="session")
def records(folder: Path) -> list[Record]:
    """That run's records."""
    return RunFolder(folder / "run").records()
