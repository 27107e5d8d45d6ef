"""The frame of the command: help and version stay light, exit codes follow the records."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import edgebench

HEAVY = ("numpy", "pandas", "plotly", "pydantic", "rich", "onnxruntime", "jinja2", "pytest")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys, edgebench
sys.argv = ["edgebench", *{arguments!r}]
try:
    edgebench.main()
except SystemExit as end:
    assert end.code == 0, end.code
print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("HEAVY []")


def test_the_version_is_the_distributions() -> None:
    done = subprocess.run([sys.executable, "-m", "edgebench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"edgebench {version('edgebench')}"


def test_a_foreign_reports_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "edgebench", "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"package 'reports' comes from {tmp_path}" in done.stderr


def test_our_own_packages_are_not_foreign() -> None:
    assert edgebench.foreign_packages() == []
