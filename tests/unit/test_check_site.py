"""The check of the built documentation."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_site", ROOT / "docs" / "check_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def site(folder: Path, body: str) -> Path:
    """A site whose first page links to another, which holds `body`."""
    (folder / "images").mkdir()
    (folder / "images" / "a b.png").touch()
    (folder / "index.html").write_text('<h1 id="top">Home</h1><a href="page.html">page</a>')
    (folder / "page.html").write_text(body)
    (folder / "404.html").write_text('<a href="/gone/">home</a>')
    return folder


@pytest.mark.parametrize(
    "body",
    [
        '<a href="index.html#top">',
        '<a href=".">',
        '<a href="#here"><p id="here">',
        '<img src="images/a%20b.png">',
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
        '<a href="https://example.org/else">',
        '<link rel="canonical" href="https://example.org/page.html">',
        '<a href="mailto:lab@example.org">',
    ],
)
def test_a_target_that_exists_is_no_fault(check: ModuleType, tmp_path: Path, body: str) -> None:
    assert list(check.problems(site(tmp_path, body))) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="none.html">', "none.html, which is no file"),
        ('<a href="../README.md">', "../README.md, which is no file"),
        ('<img src="images/none.png">', "images/none.png, which is no file"),
        ('<script src="none.js">', "none.js, which is no file"),
        ('<a href="#none">', "#none, an anchor that page.html does not have"),
        ('<a href="index.html#none">', "index.html#none, an anchor that index.html does not have"),
        ('<script src="https://cdn.example.org/a.js">', "loads https://cdn.example.org/a.js from elsewhere"),
        ('<link rel="stylesheet" href="//fonts.example.org/a.css">', "loads //fonts.example.org/a.css from elsewhere"),
    ],
)
def test_a_fault_is_named_with_its_page(check: ModuleType, tmp_path: Path, body: str, fault: str) -> None:
    (tmp_path / "README.md").touch()
    folder = tmp_path / "site"
    folder.mkdir()
    found = list(check.problems(site(folder, body)))
    assert len(found) == 1
    assert found[0].startswith("page.html ")
    assert fault in found[0]


def test_a_page_that_nothing_links_to_is_a_fault(check: ModuleType, tmp_path: Path) -> None:
    site(tmp_path, "")
    (tmp_path / "alone.html").write_text('<a href="alone.html">itself</a>')
    assert list(check.problems(tmp_path)) == ["alone.html is linked from no page: add it to mkdocs.yml"]
