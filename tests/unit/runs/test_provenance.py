"""What a run depends on is written down, or why it is not known."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import pytest

import targets
from harness.core.verdict import Finding
from harness.runs.provenance import descriptor_sha256, provenance, repository

TARGET = targets.load("raspberry-pi-5")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "net.py").write_text("1")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)
    return tmp_path


def test_a_repository_is_clean_or_dirty(repo: Path) -> None:
    clean = repository(repo)
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (repo / "net.py").write_text("2")
    assert repository(repo) == {"commit": clean["commit"], "dirty": True}


def test_no_repository_has_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "not a git repository" in repository(tmp_path)["reason"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository(tmp_path) == {"reason": "git is not installed"}


def test_everything_is_a_value_or_a_reason(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)
    mode = Finding("power_mode", "ok", "mode 0 MAXN, clocks held at their maximum")
    told = provenance(TARGET, [mode], "official 27 W", 21.5)
    assert told["repository"]["dirty"] is False
    assert told["power_mode"] == mode.found
    assert (told["power_supply"], told["ambient_c"]) == ("official 27 W", 21.5)
    assert told["target"]["sha256"] == descriptor_sha256(TARGET)
    untold = provenance(TARGET, [dataclasses.replace(mode, status="unknown", found="no nvpmodel here")], None, None)
    assert untold["power_mode"] == {"reason": "no nvpmodel here"}
    assert "--ambient-c" in untold["ambient_c"]["reason"]
    assert "--power-supply" in untold["power_supply"]["reason"]
    json.dumps(untold)


def test_a_descriptor_that_says_something_else_has_another_hash() -> None:
    assert descriptor_sha256(TARGET) == descriptor_sha256(targets.load("raspberry-pi-5"))
    assert descriptor_sha256(dataclasses.replace(TARGET, threads=(4,))) != descriptor_sha256(TARGET)
