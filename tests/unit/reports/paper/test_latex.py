from __future__ import annotations

from pathlib import Path

import pytest

from reports.numbers import TIMES
from reports.paper.latex import beyond_pdflatex, escape
from tests.latex import compiled


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"a\b", r"a\textbackslash{}b"),
        ("{}", r"\{\}"),
        ("100 % of $5 & #1_a", r"100 \% of \$5 \& \#1\_a"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ('<a|b>`"', r"\textless{}a\textbar{}b\textgreater{}\textasciigrave{}\char34{}"),
        ("a--b, ,,c,, ''", "a-{}-b, ,{},c,{}, '{}'"),
        ("0.2\N{EN DASH}0.7 ±1 µs", r"0.2--0.7 \ensuremath{\pm}1 \ensuremath{\mu}s"),
        (f"→ {TIMES}2…", r"\ensuremath{\rightarrow} \ensuremath{\times}2\ldots{}"),
        ("two\nlines\x1b[31m\0", "two lines"),
        ("Zürich", "Zürich"),
    ],
)  # fmt: skip
def test_every_character_is_printed_as_it_is(text: str, code: str) -> None:
    assert escape(text) == code


def test_what_only_other_engines_print_is_named() -> None:
    assert beyond_pdflatex("Zürich Ångström") == ""
    assert beyond_pdflatex("米 net 米 Ж") == "Ж米"


def test_all_of_ascii_compiles(tmp_path: Path) -> None:
    text = "".join(map(chr, range(32, 127)))
    signs = f"±→µ°≤≥≈{TIMES}·\N{EN DASH}\N{EM DASH}…\N{NO-BREAK SPACE}é"
    assert "paper.pdf" in compiled(tmp_path, f"{escape(text)}\n\n{escape(text + signs)}")
