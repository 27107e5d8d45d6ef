"""Shell scripts that name test files: a file that was moved must not end a lane of CI with 'no tests ran'."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([*ROOT.glob("tests/*/*.sh"), ROOT / ".ci" / "run", ROOT / "Makefile"])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_test_file_that_a_script_names_is_there(script: Path) -> None:
    named = re.findall(r"tests/[\w/{},.]+\.py", script.read_text(encoding="utf-8"))
    if not named:
        return
    echo = subprocess.run(["bash", "-c", f"echo {' '.join(named)}"], capture_output=True, text=True, check=True)
    assert [path for path in echo.stdout.split() if not (ROOT / path).is_file()] == []
