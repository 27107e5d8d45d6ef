"""Text of unknown origin: what is taken out of it, and what spreadsheets and Markdown must not take for their own."""

from __future__ import annotations

import json

import pytest

from harness.core.printable import csv_cell, json_text, markdown_text, one_line, printable, without_sequences

SEQUENCES = {
    "colour": "\x1b[1;31mred\x1b[0m",
    "8-bit colour": "\x9b31mred\x9b0m",
    "private mode": "\x1b[?1049hred\x1b[?1049l",
    "cursor": "\x1b[2J\x1b[Hred\x1b[10;20H",
    "intermediate": "\x1b[0 qred",
    "title": "\x1b]0;owned\x07red",
    "title, 8-bit": "\x9d0;owned\x9cred",
    "link": "\x1b]8;;http://x/\x1b\\red\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;aGFja2Vk\x1b\\red",
    "device control": "\x1bP+q544e\x1b\\red",
    "character set": "\x1b(0red\x1b(B",
    "reset": "\x1bcred\x1b7\x1b8",
    "two at once": "\x1b[3\x1b[31mred",
    "nothing after": "red\x1b",
    "control characters": "\0r\be\x7fd\r\x85\x07",
    "direction": "\u202er\u2066e\u200fd\u2069",
    "separators and halves": "r\u2028e\ud800d\ufffe",
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_terminal_sequences_and_control_characters_are_removed(name: str) -> None:
    assert printable(SEQUENCES[name]).removeprefix("3") == "red"


def test_what_is_readable_stays() -> None:
    text = "naïve 米 \N{GRINNING FACE} ±0.5 µs [31m a\tb\n\u00a0ok"
    assert printable(text) == text
    assert one_line(text) == text.replace("\n", " ").replace("\t", " ")
    assert without_sequences("\x1b[31mred\0") == "red\0"


def test_a_sequence_that_is_cut_off_swallows_nothing_after_it() -> None:
    assert printable("\x1b]0;never ended\nnext line, and more") == "0;never ended\nnext line, and more"
    assert printable("\x1b[31") == "31"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=HYPERLINK(\"http://x\")", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\x1b[31m=1", " =1",
     "\N{FULLWIDTH EQUALS SIGN}1", "--", "-", "- 5", "\u202e=1"],
)  # fmt: skip
def test_formulas_are_neutralized(text: str) -> None:
    cell = csv_cell(text)
    assert cell.startswith("'")
    assert cell[1:].strip() == printable(text).strip()


@pytest.mark.parametrize("text", ["-5", "+1.5e3", "-.5", "-inf", "1=1", "a-b", "", "mobilenet|fp32", "2 +- 1"])
def test_numbers_and_other_texts_are_not_changed(text: str) -> None:
    assert csv_cell(text) == text


def test_markdown_shows_the_text_itself() -> None:
    assert markdown_text("a|b_*`[x]#\\~\x1b[31m<b>&\n.") == "a\\|b\\_\\*\\`\\[x\\]\\#\\\\\\~&lt;b&gt;&amp; ."
    assert markdown_text("net_v2|fp32", "\\|") == "net_v2\\|fp32"


def test_json_holds_the_same_text_without_raw_control_characters() -> None:
    text = "µ \x1b[31m \x7f \x9b \u202e \u2028 end"
    document = json_text(json.dumps({"name": text}, ensure_ascii=False, indent=1))
    assert json.loads(document) == {"name": text}
    assert printable(document) == document
    assert "µ" in document
