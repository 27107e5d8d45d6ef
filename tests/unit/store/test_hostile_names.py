"""Names of models, boards and labels come from files of strangers: no output lets them act, wherever they stand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from harness import cli
from harness.core.case import Case
from harness.core.printable import UNPRINTABLE
from harness.store.exports import Exported, bmf, gha, junit, markdown, prometheus
from harness.store.exports import table as table_export
from harness.store.runfolder import RunFolder
from reports.serve.run_sources import FolderSource
from reports.serve.site import Site
from tests import factory

NAMES = {
    "terminal": "net\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil/\x1b\\x",
    "8-bit terminal": "net\x9b31m\x9d0;owned\x9cx",
    "direction": "net\u202egnp.exe\u2066",
    "formula": "=HYPERLINK(1)",
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "carriage return": "\r=1+1",
    "line feed": "x\n=1+1",
    "markdown": "[x](http://evil) ![y](http://evil/p.png) `c` | <http://evil>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover=alert(1) x='",
    "latex": r"\input{/etc/passwd} \write18{id} $x$ #1 ~ ^ % & _ {",
    "label": 'a",evil="1"} 1\nevil_metric 1',
    "xml": "]]></testcase><x>&a;",
}


@pytest.fixture(params=NAMES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    """A run whose model, board, suite and reasons have the name."""
    name = NAMES[request.param]
    plans = [
        factory.Plan(Case(name, "fp32", "onnxruntime-cpu", weights="user")),
        factory.Plan(Case(name, "int8-static", "onnxruntime-cpu", weights="user"), status="crashed", log=name),
    ]
    return factory.write_run(tmp_path / "run", plans, target=name, suite=name)


def exported(run: RunFolder) -> Exported:
    return Exported(run.header(), run.records(), lambda _: np.empty(0, dtype=np.int64))


def told(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(words) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("form", ["terminal", "csv", "markdown", "latex"])
def test_a_table_is_printable(run: RunFolder, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(["table", str(run.path), "--format", form], capsys)
    assert not UNPRINTABLE.search(text)
    if form == "csv":
        assert_no_formula(text)
    if form == "markdown":
        assert_no_markdown(text)
    if form == "latex":
        assert not re.search(r"(?<!\\)\\(input|write18)", text.replace(r"\textbackslash", ""))


def assert_no_formula(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            if not re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", cell):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), cell


def assert_no_markdown(text: str) -> None:
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"(?<!\\)<", text)
    assert len({line.count("|") - line.count(r"\|") for line in text.splitlines() if line.startswith("|")}) == 1


class Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        self.found += [f"{tag} {text}" for name, text in attrs if name in {"src", "href"} and "//evil" in (text or "")]


@pytest.mark.parametrize("path", ["/", "/run/run", "/feed.xml", "/nothing"])
def test_pages_and_the_feed_are_inert(run: RunFolder, path: str) -> None:
    text = Site(FolderSource(run.path.parent)).respond(path).body.decode()
    if path.endswith(".xml"):
        ET.fromstring(text)
        assert not UNPRINTABLE.search(text)
        return
    tags = Tags()
    tags.feed(text)
    assert tags.found == []
    assert "<script>alert" not in text
    # the library that draws has control characters in its tables of signs
    assert not UNPRINTABLE.search(re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


RENDERERS: dict[str, Callable[..., str]] = {
    "markdown": markdown.render,
    "junit": junit.render,
    "prometheus": prometheus.render,
    "bmf": bmf.render,
    "gha": gha.render,
}


@pytest.mark.parametrize("form", RENDERERS)
def test_an_export_is_inert(run: RunFolder, form: str) -> None:
    text = RENDERERS[form](exported(run))
    assert not UNPRINTABLE.search(text)
    if form == "junit":
        assert {element.tag for element in ET.fromstring(text).iter()} <= {
            "testsuites", "testsuite", "testcase", "properties", "property", "error", "skipped",
        }  # fmt: skip
    if form == "prometheus":
        line = re.compile(r'#.*|edgebench_\w+\{(\w+="(\\.|[^"\\\n])*",?)*\} [-+.\de]+')
        assert [each for each in text.splitlines() if not line.fullmatch(each)] == []
    if form == "markdown":
        assert_no_markdown(text)


def test_a_csv_file_has_no_formula(run: RunFolder) -> None:
    text = table_export.csv([exported(run)]).decode()
    assert not UNPRINTABLE.search(text)
    assert_no_formula(text)


def test_the_names_are_as_hostile_as_they_seem() -> None:
    assert UNPRINTABLE.search(NAMES["terminal"])
    with pytest.raises(AssertionError):
        assert_no_formula(NAMES["formula"])
    with pytest.raises(AssertionError):
        assert_no_markdown(NAMES["markdown"])
