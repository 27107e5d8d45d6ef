"""Write docs/promises.md, each promise of the documentation beside its test: `python docs/make_promises.py`.

A sentence that promises how numbers are made is followed by `<!-- promise: slug -->` on its page. Its test is
`test_<slug>` in `tests/protocol/test_<page>.py`, or in one of several files `test_<page>_<part>.py`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCS, TESTS = ROOT / "docs", ROOT / "tests" / "protocol"
PAGE = "promises.md"
COMMAND = "python docs/make_promises.py"

_COMMENT = re.compile(r"<!--\s*promise\b(.*?)-->", re.DOTALL)
_SLUG = re.compile(r":\s*([a-z][a-z0-9_]*)\s*")
_FENCED = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"\n\s*\n|^#.*$|^\s*(?:[-*+]|\d+\.)\s|^\|", re.MULTILINE)
"""Where a new block begins: a blank line, a heading, a list item, a table row."""
_SENTENCE_END = re.compile(r"(?<=[.!?])[)*]*\s+(?=[\W_]*[A-Z0-9`])")

_HEAD = f"""# Promises and their tests

Each sentence of the documentation that promises how numbers are made, and the test that fails when it is broken.
`{COMMAND}` writes this page from the marks `<!-- promise: ... -->` on the others. `tests/protocol/test_promises.py`
fails where a promise has no test, a test has no promise, or this page is out of date.
"""


class Promise(NamedTuple):
    """A marked sentence, without its mark-up; `slug` is empty where the mark is malformed."""

    slug: str
    sentence: str


def promises(text: str) -> list[Promise]:
    """Return the marked sentences of a page's Markdown, in order. A mark within a fenced block is an example."""
    text = _FENCED.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)
    found, end = [], 0
    for comment in _COMMENT.finditer(text):
        slug = _SLUG.fullmatch(comment[1])
        found.append(Promise(slug[1] if slug else "", _last_sentence(text[end : comment.start()])))
        end = comment.end()
    return found


def _last_sentence(before: str) -> str:
    """Return the sentence, or the cells of a table row, that `before` ends with, as plain text."""
    start = max((block.end() for block in _BLOCK.finditer(before)), default=0)
    row = before[:start].endswith("|")
    part = before[start:].strip()
    if row:
        return _plain(": ".join(cell.strip() for cell in re.split(r"(?<!\\)\|", part) if cell.strip()))
    return _plain(_SENTENCE_END.split(part)[-1])


def _plain(markdown: str) -> str:
    """Return the text without emphasis, code marks, links and line breaks."""
    text = re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*|`|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)", "", text)
    return " ".join(text.replace("\\|", "|").split())


def test_name(slug: str) -> str:
    """Return the name of the test function of a promise."""
    return f"test_{slug}"


def files_of_page(page: str, pages: Iterable[str], tests: Path = TESTS) -> list[str]:
    """Return the names of the files with the tests of a page, given its stem and those of all pages.

    A file `test_a_b.py` belongs to the page `a-b` where there is one, else to `a`. A page without a file has the name
    that one would have.
    """
    stems = sorted((stem.replace("-", "_") for stem in pages), key=len, reverse=True)
    stem = page.replace("-", "_")
    owners = {file.name: _owner(file.stem.removeprefix("test_"), stems) for file in sorted(tests.glob("test_*.py"))}
    return [name for name, owner in owners.items() if owner == stem] or [f"test_{stem}.py"]


def _owner(name: str, stems: Iterable[str]) -> str:
    return next((stem for stem in stems if f"{name}_".startswith(f"{stem}_")), "")


def tests_in(file: Path) -> list[str]:
    """Return the names of the test functions at the top level of a file, in order; empty if there is no file."""
    if not file.is_file():
        return []
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if function.name.startswith("test")]


def marked_pages(docs: Path = DOCS) -> dict[str, list[Promise]]:
    """Return the promises of each page that has some, by the page's stem."""
    pages = (page for page in sorted(docs.glob("*.md")) if page.name != PAGE)
    marks_of = {page.stem: promises(page.read_text(encoding="utf-8")) for page in pages}
    return {page: marks for page, marks in marks_of.items() if marks}


def problems(docs: Path = DOCS, tests: Path = TESTS) -> list[str]:
    """Return what does not fit between the pages in `docs` and the test files in `tests`: a sentence for each."""
    pages = marked_pages(docs)
    stems = [*pages, Path(PAGE).stem]
    files = {name for stem in stems for name in files_of_page(stem, stems, tests)}
    strays = sorted(file.name for file in tests.glob("test_*.py") if file.name not in files)
    unmarked = [f"tests/protocol/{name}: its page has no mark" for name in strays]
    unfit = (_problems(stem, marks, tests, files_of_page(stem, stems, tests)) for stem, marks in pages.items())
    return [*unmarked, *chain.from_iterable(unfit)]


def _problems(page: str, marks: Sequence[Promise], tests: Path, files: Sequence[str]) -> Iterator[str]:
    where = f"docs/{page}.md"
    promised = Counter(test_name(mark.slug) for mark in marks if mark.slug)
    defined = {file: tests_in(tests / file) for file in files}
    counts = Counter(name for names in defined.values() for name in names)
    yield from _bad_marks(where, marks)
    for name, count in promised.items():
        if count > 1:
            yield f"{where}: '{name.removeprefix('test_')}' is marked {count} times"
        if name not in counts:
            yield f"{where}: no test tests/protocol/{_pattern(page, files)}::{name}"
    for file, names in defined.items():
        for name in dict.fromkeys(names):
            if counts[name] > 1:
                yield f"tests/protocol/{file}: {name} is defined {counts[name]} times"
            if name not in promised:
                yield f"tests/protocol/{file}: {name} has no mark in {where}"


def _bad_marks(where: str, marks: Sequence[Promise]) -> Iterator[str]:
    for mark in marks:
        if not mark.slug:
            yield f"{where}: a mark after '{mark.sentence}' is not <!-- promise: slug_with_underscores -->"
        if not mark.sentence:
            yield f"{where}: the mark '{mark.slug}' follows no sentence"


def _pattern(page: str, files: Sequence[str]) -> str:
    """Return the name of a single file, or a pattern of several."""
    return files[0] if len(files) == 1 else f"test_{page.replace('-', '_')}*.py"


def page(docs: Path = DOCS, tests: Path = TESTS) -> str:
    """Return docs/promises.md as the pages in `docs` make it."""
    pages = marked_pages(docs)
    sections = (_section(stem, marks, tests, files_of_page(stem, pages, tests)) for stem, marks in pages.items())
    return "\n".join([_HEAD, *sections])


def _section(stem: str, marks: Sequence[Promise], tests: Path, files: Sequence[str]) -> str:
    file_of = {name: file for file in files for name in tests_in(tests / file)} if len(files) > 1 else {}
    rows = "".join(f"| {_cell(mark.sentence)} | `{_test(mark, file_of)}` |\n" for mark in marks)
    head = f"## [{stem}.md]({stem}.md)\n\nTests: `tests/protocol/{_pattern(stem, files)}`\n\n"
    return f"{head}| promise | test |\n|---|---|\n{rows}"


def _test(mark: Promise, file_of: Mapping[str, str]) -> str:
    """Return the name of a promise's test, with its file where the page has several."""
    name = test_name(mark.slug)
    return f"{file_of[name]}::{name}" if name in file_of else name


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main() -> None:
    """Write the page, and print what does not fit."""
    (DOCS / PAGE).write_text(page(), encoding="utf-8")
    if unfit := problems():
        raise SystemExit("\n".join(unfit))


if __name__ == "__main__":
    main()
