"""Text of unknown origin, made safe to show: names of models and classes, reasons, messages of runtimes, file names.

Each kind of output passes one place that calls these functions: the terminal `harness.cli._terminal`, CSV and tables in
Markdown `harness.store.frame`, pages `reports.section`.
"""

from __future__ import annotations

import re

_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, screen
    r"|(?:\x1b[P\]X^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x1b\\|\x07|\x9c)"  # titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"  # character sets, resets; the beginning of a sequence that is cut off
)
_CONTROL = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Controls of terminals and of the direction of text, line separators, and what UTF-8 or XML cannot hold."""

UNPRINTABLE = re.compile(f"{_SEQUENCE}|{_CONTROL}")
"""Terminal sequences and control characters other than line feeds and tabs."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a pair of surrogates, which no encoding of Unicode holds."""

_BYTE = re.compile("[\udc80-\udcff]")
"""Python's signs for the bytes of a file name that are no UTF-8."""

_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
            "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
"""What a cell begins with that spreadsheets take for a formula."""


def printable(text: str) -> str:
    """Return the text without terminal sequences and control characters; line feeds and tabs stay.

    A byte of a file name that is no UTF-8 is shown, since without it the name would be another file's.
    """
    return UNPRINTABLE.sub("", _BYTE.sub(lambda byte: escape_surrogates(byte[0]), text))


def escape_surrogates(text: str, backslash: str = "\\") -> str:
    r"""Return a text that UTF-8 can hold: a byte of a file name that is no UTF-8 becomes '\xff'.

    Args:
        text: The text, such as a file's name as the system gives it.
        backslash: What stands for a backslash, two of them within JSON.
    """
    return _SURROGATE.sub(lambda found: f"{backslash}{_code(found[0])}", text)


def _code(surrogate: str) -> str:
    code = ord(surrogate)
    return f"x{code & 0xFF:02x}" if _BYTE.match(surrogate) else f"u{code:04x}"


def one_line(text: str) -> str:
    """Return the text as `printable` does, with spaces for line feeds and tabs."""
    return printable(text).replace("\n", " ").replace("\t", " ")


def without_sequences(text: str) -> str:
    """Return the text without terminal sequences, for formats that have a sign for a control character."""
    return re.sub(_SEQUENCE, "", text)


def csv_cell(text: str) -> str:
    """Return the text on one line, with an apostrophe before what a spreadsheet would take for a formula."""
    line = one_line(text)
    return f"'{line}" if line.lstrip().startswith(_FORMULA) and not _is_number(line) else line


def markdown_text(text: str, special: str = "\\|*_`[]#~") -> str:
    """Return the text on one line, with the `special` characters of Markdown and those of HTML escaped."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in special else char for char in line)


def json_text(document: str) -> str:
    """Return a JSON document with the control characters escaped that `json.dumps` leaves without `ensure_ascii`."""
    return re.sub(_CONTROL, lambda char: f"\\u{ord(char[0]):04x}", document)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
