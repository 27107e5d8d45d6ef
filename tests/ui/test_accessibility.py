"""axe-core finds nothing serious on any kind of page, in both themes."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.quantity import Value
from harness.store.runfolder import RunFolder
from reports.build import build
from reports.serve.publish import INDEX, publish
from reports.serve.run_sources import FolderSource
from reports.serve.server import ReportServer
from reports.serve.site import Site
from tests import factory
from tests.ui.page import drawn
from tests.ui.screenshots import nights

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
KINDS = ("report", "trend", "scenario", "boards", "index", "case", "served")


def offline(folder: Path) -> RunFolder:
    """A run of Offline, whose metric is the throughput."""
    run = factory.write_run(folder, factory.nets()[:4])
    for record in run.records():
        metrics = {**record.metrics, "throughput_per_s": Value(500.0, 490.0, 510.0)}
        case = dataclasses.replace(record.case, scenario="Offline", batch=8)
        run.append(dataclasses.replace(record, case=case, metrics=metrics))
    return run


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, report: str) -> Iterator[Mapping[str, str]]:
    """The address of a page of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    runs, site = nights(folder / "runs"), folder / "site"
    publish(FolderSource(folder / "runs"), site, "Our boards")
    boards = [factory.write_run(folder / name, factory.nets()[:4], target=name) for name in ("x86-64", "jetson-nano")]
    with ReportServer(Site(FolderSource(folder / "runs"))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {
            "report": report,
            "trend": build(runs, folder / "trend.html").as_uri(),
            "scenario": build([offline(folder / "offline")], folder / "offline.html").as_uri(),
            "boards": build(boards, folder / "boards.html").as_uri(),
            "index": (site / INDEX).as_uri(),
            "case": next(site.glob("case-*.html")).as_uri(),
            "served": server.url,
        }
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_serious_violation(browser: Any, pages: Mapping[str, str], kind: str, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip(f"axe-core is not installed: npm ci in {AXE.parents[2].name}/")
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(pages[kind])
    if kind == "report":
        drawn(browser, "tradeoff-plot")
    assert browser.execute_script("return document.querySelectorAll('main section').length") > 0
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    violations = browser.execute_async_script(
        AXE.read_text()
        + "; const done = arguments[arguments.length - 1]; axe.run().then((found) => done(found.violations));"
    )
    serious = {violation["id"]: [node["html"][:120] for node in violation["nodes"][:3]] for violation in violations
               if violation["impact"] in ("serious", "critical")}  # fmt: skip
    assert serious == {}
