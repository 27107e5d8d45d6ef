"""docs/tables.md is a notebook: its cells run one after the other and print what stands below them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CELL = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


def plain(text: str) -> list[str]:
    """Lines without the blanks at their ends."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_every_cell_prints_what_stands_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "quick").symlink_to(ROOT / "tests" / "golden" / "run-v1")
    monkeypatch.chdir(tmp_path)
    cells = CELL.findall((ROOT / "docs" / "tables.md").read_text(encoding="utf-8"))
    assert len(cells) >= 4
    names: dict[str, object] = {}
    for code, expected in cells:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "docs/tables.md", "exec"), names)
        assert plain(out.getvalue()) == plain(expected), code
