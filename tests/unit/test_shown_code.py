"""Names that pages of the documentation import from this project exist."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = {"edgebench", "harness", "reports", "suites", "targets"}


def shown_imports(page: Path) -> list[tuple[str, str]]:
    """Return (module, name) of every import from this project in the page's blocks of Python."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    nodes = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in nodes if node.module and node.module.partition(".")[0] in ROOMS]
    return [(str(node.module), alias.name) for node in ours for alias in node.names]


PAGES = [page for page in sorted(DOCS.glob("*.md")) if shown_imports(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_shown_import_exists(page: Path) -> None:
    for module, name in shown_imports(page):
        loaded = import_module(module)
        assert hasattr(loaded, name) or import_module(f"{module}.{name}"), f"{page.name}: {module}.{name}"


def test_statistics_and_the_example_pages_are_looked_at() -> None:
    assert {"statistics", "add-a-runtime", "add-a-check"} <= {page.stem for page in PAGES}
