"""docs/cli.md is what the parser says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from harness import cli

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(make: ModuleType) -> None:
    assert make.PAGE.read_text(encoding="utf-8") == make.page(), f"renew it: {make.COMMAND}"


def test_every_command_and_action_has_its_part(make: ModuleType) -> None:
    text = make.page()
    for name in cli.commands():
        assert f"\n### edgebench {name}\n" in text
    for action in ("run", "install", "accept", "show"):
        assert f"\n#### edgebench nightly {action}\n" in text
    assert "| `--model FILE` |" in text


def test_every_row_is_a_row_of_two_cells(make: ModuleType) -> None:
    rows = [line for line in make.page().splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
