"""Write docs/promises.md, each promise of the documentation beside its test: `python docs/make_promises.py`.

A sentence that promises how numbers are made is followed by `<!-- promise: slug -->` on its page. Its test is
`tests/protocol/test_<page>.py::test_<slug>`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
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


def test_file(page: str) -> str:
    """Return the name of the file with the tests of a page, given its stem."""
    return f"test_{page.replace('-', '_')}.py"


def tests_of(file: Path) -> list[str]:
    """Return the names of the test functions at the top level of a file, in order; empty where there is no file."""
    if not file.is_file():
        return []
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = (node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if function.name.startswith("test")]


def marked_pages(docs: Path = DOCS) -> dict[str, list[Promise]]:
    """Return the promises of each page that has some, by the page's stem."""
    pages = (page for page in sorted(docs.glob("*.md")) if page.name != PAGE)
    found = {page.stem: promises(page.read_text(encoding="utf-8")) for page in pages}
    return {page: marks for page, marks in found.items() if marks}


def problems(docs: Path = DOCS, tests: Path = TESTS) -> list[str]:
    """Return what does not fit between the pages in `docs` and the test files in `tests`: a sentence for each."""
    pages = marked_pages(docs)
    files = {test_file(stem) for stem in pages} | {test_file(Path(PAGE).stem)}
    strays = sorted(file.name for file in tests.glob("test_*.py") if file.name not in files)
    unmarked = [f"tests/protocol/{name}: its page has no mark" for name in strays]
    return unmarked + [problem for stem, marks in pages.items() for problem in _problems(stem, marks, tests)]


def _problems(page: str, marks: Sequence[Promise], tests: Path) -> Iterator[str]:
    where, file = f"docs/{page}.md", test_file(page)
    named, have = Counter(test_name(mark.slug) for mark in marks if mark.slug), Counter(tests_of(tests / file))
    for mark in marks:
        if not mark.slug:
            yield f"{where}: a mark after '{mark.sentence}' is not <!-- promise: slug_with_underscores -->"
        if not mark.sentence:
            yield f"{where}: the mark '{mark.slug}' follows no sentence"
    for name, count in named.items():
        if count > 1:
            yield f"{where}: '{name.removeprefix('test_')}' is marked {count} times"
        if name not in have:
            yield f"{where}: no test tests/protocol/{file}::{name}"
    for name, count in have.items():
        if count > 1:
            yield f"tests/protocol/{file}: {name} is defined {count} times"
        if name not in named:
            yield f"tests/protocol/{file}: {name} has no mark in {where}"


def page(docs: Path = DOCS) -> str:
    """Return docs/promises.md as the pages in `docs` make it."""
    return "\n".join([_HEAD, *(_section(stem, marks) for stem, marks in marked_pages(docs).items())])


def _section(stem: str, marks: Sequence[Promise]) -> str:
    rows = "".join(f"| {_cell(mark.sentence)} | `{test_name(mark.slug)}` |\n" for mark in marks)
    head = f"## [{stem}.md]({stem}.md)\n\nTests: `tests/protocol/{test_file(stem)}`\n\n"
    return f"{head}| promise | test |\n|---|---|\n{rows}"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main() -> None:
    """Write the page, and print what does not fit."""
    (DOCS / PAGE).write_text(page(), encoding="utf-8")
    if found := problems():
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
