"""The planted faults of `tests/bench/mutants` still fit the tree: `tests/bench/mutants.py` plants them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.bench import mutants
from tests.bench.mutants import ROOT, Mutant, Outcome

TABLE = mutants.load()


def misfit(mutant: Mutant) -> str:
    """Why a fault cannot be planted, or would not be one; '' where it can."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    try:
        faulty = mutant.planted(source)
        ast.parse(faulty)
    except (ValueError, SyntaxError) as error:
        return f"{mutant.name}: {error}"
    return "" if faulty != source and mutant.why else f"{mutant.name} changes nothing, or does not say what is wrong"


@pytest.mark.parametrize("area", sorted({mutant.area for mutant in TABLE}))
def test_every_fault_fits_its_file_once_and_is_python(area: str) -> None:
    assert [words for mutant in TABLE if mutant.area == area and (words := misfit(mutant))] == []


def test_there_are_faults_enough() -> None:
    assert len(TABLE) >= 100


def test_every_named_test_exists() -> None:
    named = {test for mutant in TABLE for test in mutant.tests if not test.startswith("tests/protocol/")}
    assert all(mutant.tests for mutant in TABLE)
    assert sorted(test for test in named if not (ROOT / test).exists()) == []


def test_no_fault_is_planted_twice() -> None:
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in TABLE}) == len(TABLE)


def _mutant(**changed: str) -> Mutant:
    return Mutant(
        **{**dict.fromkeys(("file", "why"), "x"), "name": "area-1", "old": "a < b", "new": "a > b", **changed},
        tests=("t",),
    )


@pytest.mark.parametrize("source", ["", "a < b or a < b"])
def test_a_stale_fault_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"area-1: 'a < b' occurs \d times"):
        _mutant().planted(source)


@pytest.mark.parametrize(
    ("states", "equivalent", "enough"),
    [
        ("k" * 19 + "s", "", True),
        ("k" * 18 + "ss", "", False),
        ("k" * 19 + "st", "", False),
        ("ks", "no output differs", False),
        ("ss", "no output differs", True),
    ],
    ids=["95 %", "90 %", "stale", "equivalent but killed", "equivalent"],
)
def test_when_enough_are_killed(states: str, equivalent: str, enough: bool) -> None:
    words: dict[str, mutants.State] = {"k": "killed", "s": "survived", "t": "stale"}
    outcomes = [Outcome(_mutant(equivalent=equivalent), words[state], "", 1.0) for state in states]
    text, found = mutants.summary(outcomes)
    assert found is enough
    assert ("area-1 survived" in text) is ("s" in states and not equivalent)


def test_a_copy_holds_the_fault_while_its_tests_run_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root/pkg").mkdir(parents=True)
    (tmp_path / "root/pkg/add.py").write_text("def add(a, b):\n    return a + b\n")
    (tmp_path / "root/pkg/test_add.py").write_text("from pkg.add import add\n\n\ndef test(): assert add(2, 0) == 2\n")
    monkeypatch.setattr(mutants, "ROOT", tmp_path / "root")
    monkeypatch.setattr(mutants, "_COPIED", ("pkg",))
    copy = mutants.Copy(tmp_path / "copy")
    fault = Mutant("sum-1", "pkg/add.py", "a + b", "a * b", ("pkg/test_add.py",), "wrong sum")
    blind = Mutant("sum-2", "pkg/add.py", "a + b", "a - b", ("pkg/test_add.py",), "wrong sum")
    assert [copy.judge(each).state for each in (fault, blind, fault)] == ["killed", "survived", "killed"]
    assert "a + b" in (tmp_path / "copy/tree/pkg/add.py").read_text()


def test_a_run_of_tests_that_breaks_off_proves_nothing() -> None:
    assert mutants._read(1, "FAILED tests/t.py::test_a - assert 0\n1 failed") == ("killed", "FAILED tests/t.py::test_a")
    assert mutants._read(2, "ERROR tests/t.py - ImportError") == ("killed", "ERROR tests/t.py")
    assert mutants._read(None, "")[0] == "killed"
    assert mutants._read(0, "1 passed") == ("survived", "")
    assert mutants._read(1, "Error while loading plugin")[0] == "broken"
    assert mutants._read(5, "no tests ran")[0] == "broken"
