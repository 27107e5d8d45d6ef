"""`edgebench report` and `edgebench serve` as a user types them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import EXIT_OK, EXIT_USAGE
from tests import factory


def test_the_layouts_go_where_they_are_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:2])
    assert main(["report", str(run.path)]) == EXIT_OK
    assert main(["report", str(run.path), "--layout", "folder"]) == EXIT_OK
    said = capsys.readouterr().out
    assert f"report: {run.path}/report.html" in said
    assert f"report: {run.path}/report/index.html" in said
    assert (run.path / "report" / "index.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no run for a report"),
        (["--suite", "quick", "a"], "select runs of a store"),
        (["a", "--store", "x.sqlite"], "exclude each other"),
        (["--store", "x.sqlite"], "name one with --out"),
        (["nowhere"], "nowhere is not a run folder"),
    ],
)
def test_what_does_not_go_together_is_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *words]) == EXIT_USAGE
    assert message in capsys.readouterr().err


def test_the_nights_of_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from harness import store

    with store.open(tmp_path / "store.sqlite") as opened:
        for day in (1, 2):
            opened.append(
                factory.write_run(tmp_path / str(day), factory.nets()[:2], shift=day, run_id=f"night-{day}",
                                  started_utc=f"2026-01-0{day}T00:00:00Z")
            )  # fmt: skip
        opened.reset("new cooler", at_utc="2026-01-01T12:00:00Z")
    words = ["--store", str(tmp_path / "store.sqlite"), "--out", str(tmp_path / "report.html")]
    assert main(["report", *words, "--suite", "quick"]) == EXIT_OK
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "2 runs on x86-64" in html
    assert "2 of 2 cases slower" in html
    assert "declared reset: new cooler" in html
    assert main(["report", *words, "--suite", "other"]) == EXIT_USAGE
    assert "no run in the store matches" in capsys.readouterr().err


SERVE = """
import signal, sys
from harness.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
sys.exit(main(["serve", sys.argv[1], "--port", "0"]))
"""


def test_serve_says_where_answers_and_ends_on_interrupt(tmp_path: Path) -> None:
    factory.write_run(tmp_path / "run", factory.nets()[:1])
    served = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert served.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", served.stdout.readline())
        assert found is not None
        with urllib.request.urlopen(found[0], timeout=120) as answer:
            assert "/run/run" in answer.read().decode()
    finally:
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=120) == EXIT_OK
        served.stdout.close()
