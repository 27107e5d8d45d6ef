from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_USAGE
from tests import factory


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "Setup. We measured 2 cases of the suite quick on 2026-01-01"),
        (["--format", "markdown"], "**Setup.** We measured 2 cases"),
        (["--format", "latex"], r"\paragraph{Setup.} We measured 2 cases"),
    ],
)
def test_each_format_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    run = factory.write_run(tmp_path, factory.nets()[:2])
    assert main(["methods", str(run.path), *words]) == EXIT_OK
    printed = capsys.readouterr().out
    assert printed.startswith(expected)
    assert "@software{edgebench," in printed


def test_a_run_without_records_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1], leave_out=1)
    assert main(["methods", str(run.path)]) == EXIT_NOTHING_MEASURED
    assert main(["methods", str(tmp_path)]) == EXIT_USAGE
    assert "is not a run folder" in capsys.readouterr().err
