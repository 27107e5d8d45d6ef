"""Printing: no chart is cut by the end or the edge of a page, and nothing is wider than the sheet."""

from __future__ import annotations

import base64
import dataclasses
import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from harness.store.runfolder import RunFolder
from reports.build import build
from tests import factory
from tests.ui.page import drawn, window

GOLDEN = Path(__file__).parents[1] / "golden" / "run-v1"

SHEETS = {"a4": (8.27, 11.69), "letter": (8.5, 11.0)}  # inches

_FIGURES = """
return [...document.querySelectorAll("figure.plot")].map((figure) => {
  const plot = document.getElementById(figure.querySelector(".canvas").dataset.figure);
  return [figure.querySelector(".summary").textContent, JSON.parse(plot.textContent).layout.xaxis.title.text];
});
"""


def compact(text: str) -> str:
    """Return the text without white space and ligatures, which differ in a PDF."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def pages(browser: Any, sheet: str) -> list[str]:
    """Return the text of every printed page."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed: pip install .[dev]")
    width, height = SHEETS[sheet]
    settings = {"printBackground": True, "paperWidth": width, "paperHeight": height}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", settings)["data"])
    assert len(pdf) < 5_000_000
    return [compact(page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


@pytest.mark.parametrize("sheet", list(SHEETS))
def test_every_chart_fits_on_one_page(browser: Any, report: str, sheet: str) -> None:
    """The summary above a chart and the title of its x axis below it are on the same page."""
    browser.get(report)
    figures = browser.execute_script(_FIGURES)
    printed = pages(browser, sheet)
    assert 3 <= len(printed) <= 40
    for summary, title in figures:
        page = [text for text in printed if compact(summary) in text]
        assert len(page) == 1, summary
        alike = sum(compact(other) in page[0] for other, its in figures if its == title)
        assert page[0].count(compact(title)) >= alike, summary


_SIZES = """
const size = (one) => parseFloat(getComputedStyle(one).fontSize);
const all = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).map(size);
return [Math.min(...all("table td.num, .tiles .big, .answers li")), Math.max(...all(".how, .spread, .setting, .note"))];
"""


def as_large_as_quick(folder: Path) -> RunFolder:
    """36 cases of six models, as the quick suite has: three in eight settings, and three larger ones in four."""
    small = factory.nets()
    large = [
        dataclasses.replace(plan, case=dataclasses.replace(plan.case, model=f"{plan.case.model}-large"))
        for plan in small
        if plan.case.compression in ("fp32", "int8-static")
    ]
    return factory.write_run(folder, [*small, *large])


@pytest.mark.parametrize("sheet", list(SHEETS))
def test_a_quick_run_takes_at_most_eight_pages(browser: Any, tmp_path: Path, sheet: str) -> None:
    for run in (RunFolder(GOLDEN), as_large_as_quick(tmp_path / "run")):
        browser.get(build([run], tmp_path / "report.html").as_uri())
        printed = pages(browser, sheet)
        assert 3 <= len(printed) <= 8
        assert not any("Casedetails" in text for text in printed), "folded, it would repeat the names of the table"


def test_no_figure_is_smaller_than_what_explains_it(browser: Any, report: str) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.get(report)
    smallest, gloss = browser.execute_script(_SIZES)
    assert smallest >= gloss


def test_nothing_is_wider_than_the_sheet(browser: Any, report: str) -> None:
    window(browser, 718, 1046)  # A4 less Chromium's margins of a centimetre, in CSS pixels
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    browser.get(report)
    drawn(browser, "tradeoff-plot")
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    wide = browser.execute_script(
        "return [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > 719"
        " && !one.closest('svg')).map((one) => one.outerHTML.slice(0, 120))"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert wide == []
