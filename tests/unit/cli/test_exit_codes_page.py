"""docs/exit-codes.md names every exit code and every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import cli
from harness.core import errors

PAGE = (Path(__file__).parents[3] / "docs" / "exit-codes.md").read_text(encoding="utf-8")


def test_every_code_is_in_the_table_with_its_number() -> None:
    told = {name: int(code) for code, name in re.findall(r"^\| (\d+) \| `(EXIT_\w+)` \|", PAGE, re.MULTILINE)}
    assert told == {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}


@pytest.mark.parametrize("command", cli.commands())
def test_every_command_is_in_the_table(command: str) -> None:
    rows = PAGE.partition("| command |")[2]
    assert re.search(rf"`{command}`[^|]*\|", rows), f"docs/exit-codes.md says nothing of `{command}`"


@pytest.mark.parametrize("command", cli.commands())
def test_a_command_has_no_code_but_those_of_the_table(command: str) -> None:
    module = cli.commands()[command]
    folder = Path(str(module.__file__))
    sources = folder.parent.glob("*.py") if folder.name == "__init__.py" else [folder]
    used = {name for path in sources for name in re.findall(r"\bEXIT_[A-Z_]+", path.read_text(encoding="utf-8"))}
    row = next(line for line in PAGE.partition("| command |")[2].splitlines() if f"`{command}`" in line)
    for name in used - {"EXIT_OK", "EXIT_USAGE", "EXIT_BUG", "EXIT_INTERRUPTED"}:
        assert str(getattr(errors, name)) in row, f"{command} may return {name}"
