"""Each promise of the documentation has a test, and each test here a promise; planted faults show that this is seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """The script that reads the marks and writes docs/promises.md."""
    spec = importlib.util.spec_from_file_location("make_promises", ROOT / "docs" / "make_promises.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_promise_has_its_test_and_each_test_its_promise(made: ModuleType) -> None:
    assert made.marked_pages(), "no page has a mark"
    assert made.problems() == []


def test_the_page_of_promises_is_up_to_date(made: ModuleType) -> None:
    written = (ROOT / "docs" / made.PAGE).read_text(encoding="utf-8")
    assert written == made.page(), f"docs/{made.PAGE} is out of date: run `{made.COMMAND}`"


GOOD = """# A page

Not a promise. Processes run in **random order**, see [this page](x.md).
<!-- promise: random_order -->
The `loop` runs 1.5 times. <!-- promise: loop_runs -->

| what | when |
|---|---|
| `precise` | narrow | <!-- promise: precise -->

- First item without.
- The limit is 5 % <!-- promise: limit -->

```
An example. <!-- promise: no_promise -->
```
"""
GOOD_TESTS = """
import pytest

def helper(): ...
def test_random_order(): ...
@pytest.mark.parametrize("x", [1, 2])
def test_loop_runs(x): ...
def test_precise(): ...
def test_limit(): ...
"""


def planted(folder: Path, text: str = GOOD, tests: str = GOOD_TESTS) -> tuple[Path, Path]:
    """A page 'a-page' and the file of its tests, in folders of their own."""
    for name, file, content in (("docs", "a-page.md", text), ("tests", "test_a_page.py", tests)):
        (folder / name).mkdir()
        (folder / name / file).write_text(content)
    return folder / "docs", folder / "tests"


def test_a_page_whose_promises_all_have_tests_has_no_problem(made: ModuleType, tmp_path: Path) -> None:
    assert made.problems(*planted(tmp_path)) == []


def test_sentences_are_taken_from_the_page(made: ModuleType) -> None:
    assert [tuple(promise) for promise in made.promises(GOOD)] == [
        ("random_order", "Processes run in random order, see this page."),
        ("loop_runs", "The loop runs 1.5 times."),
        ("precise", "precise: narrow"),
        ("limit", "The limit is 5 %"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("promise: limit", "promise: other_limit", "docs/a-page.md: no test tests/protocol/test_a_page.py::test_other"),
        ("<!-- promise: limit -->", "", "tests/protocol/test_a_page.py: test_limit has no mark in docs/a-page.md"),
        ("promise: limit", "promise: precise", "docs/a-page.md: 'precise' is marked 2 times"),
        ("promise: limit", "promise limit", "docs/a-page.md: a mark after 'The limit is 5 %' is not <!--"),
        ("promise: limit", "promise: Limit-1", "docs/a-page.md: a mark after 'The limit is 5 %' is not <!--"),
        ("The limit is 5 %", "", "docs/a-page.md: the mark 'limit' follows no sentence"),
    ],
)
def test_a_page_that_does_not_fit_its_tests_is_found(
    made: ModuleType, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in GOOD
    found = made.problems(*planted(tmp_path, text=GOOD.replace(old, new)))
    assert any(each.startswith(problem) for each in found), found


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("def test_precise(): ...", "", "docs/a-page.md: no test tests/protocol/test_a_page.py::test_precise"),
        ("def test_precise", "def test_exact", "tests/protocol/test_a_page.py: test_exact has no mark"),
        ("def test_precise", "def test_limit", "tests/protocol/test_a_page.py: test_limit is defined 2 times"),
        ("def test_precise(): ...", "class X:\n    def test_precise(self): ...", "docs/a-page.md: no test"),
    ],
)
def test_a_test_that_does_not_fit_the_page_is_found(
    made: ModuleType, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    found = made.problems(*planted(tmp_path, tests=GOOD_TESTS.replace(old, new)))
    assert any(each.startswith(problem) for each in found), found


def test_a_page_may_have_several_test_files(made: ModuleType, tmp_path: Path) -> None:
    docs, tests = planted(tmp_path)
    first, second = GOOD_TESTS.split("def test_precise")
    (tests / "test_a_page.py").unlink()
    (tests / "test_a_page_one.py").write_text(first)
    (tests / "test_a_page_two.py").write_text(f"def test_precise{second}")
    assert made.problems(docs, tests) == []
    assert "`test_a_page_two.py::test_precise`" in made.page(docs, tests)
    (tests / "test_a_page_two.py").write_text(f"def test_loop_runs(): ...\ndef test_precise{second}")
    assert made.problems(docs, tests) == [
        f"tests/protocol/test_a_page_{part}.py: test_loop_runs is defined 2 times" for part in ("one", "two")
    ]
    (docs / "a-page-two.md").write_text("Two things hold. <!-- promise: limit -->")
    assert "docs/a-page.md: no test tests/protocol/test_a_page_one.py::test_limit" in made.problems(docs, tests)


def test_a_page_without_a_test_file_lacks_every_test(made: ModuleType, tmp_path: Path) -> None:
    docs, tests = planted(tmp_path)
    (tests / "test_a_page.py").unlink()
    assert len(made.problems(docs, tests)) == 4


def test_tests_of_a_page_without_marks_are_found(made: ModuleType, tmp_path: Path) -> None:
    docs, tests = planted(tmp_path)
    (tests / "test_other.py").write_text("def test_x(): ...")
    assert made.problems(docs, tests) == ["tests/protocol/test_other.py: its page has no mark"]


def test_the_generated_page_has_a_row_for_each_promise(made: ModuleType, tmp_path: Path) -> None:
    docs, _ = planted(tmp_path)
    text = made.page(docs)
    assert "## [a-page.md](a-page.md)" in text
    assert "| precise: narrow | `test_precise` |" in text
    assert text.count("| `test_") == 4
    (docs / made.PAGE).write_text(text)
    assert made.page(docs) == text
