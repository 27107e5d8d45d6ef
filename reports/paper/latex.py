"""Text for LaTeX: every character that LaTeX gives a meaning to, and the non-Latin signs of this project."""

from __future__ import annotations

import re

from harness.core.printable import one_line

_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "%": r"\%",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "`": r"\textasciigrave{}",
        '"': r"\char34{}",  # an active character in some languages
        "\N{EN DASH}": "--",
        "\N{EM DASH}": "---",
        "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
        "\N{MIDDLE DOT}": r"\textperiodcentered{}",
        "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
        "\N{PLUS-MINUS SIGN}": r"\ensuremath{\pm}",
        "\N{RIGHTWARDS ARROW}": r"\ensuremath{\rightarrow}",
        "\N{ALMOST EQUAL TO}": r"\ensuremath{\approx}",
        "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\leq}",
        "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\geq}",
        "\N{DEGREE SIGN}": r"\ensuremath{^\circ}",
        "\N{MICRO SIGN}": r"\ensuremath{\mu}",
        "\N{GREEK SMALL LETTER MU}": r"\ensuremath{\mu}",
        "\N{NO-BREAK SPACE}": "~",
    }
)
_LIGATURE = re.compile(r"([-,'])(?=\1)")  # '--', ',,' and "''" print as one sign
_LAST_LATIN = "\N{LATIN SMALL LETTER LONG S}"


def escape(text: str) -> str:
    """Return text of any origin on one line, so that LaTeX prints it as it is.

    Latin letters with accents stay as they are, for LaTeX of 2018 and later reads UTF-8. See `beyond_pdflatex` for
    other scripts.
    """
    return _LIGATURE.sub("\\1\0", one_line(text)).translate(_ESCAPES).replace("\0", "{}")


def beyond_pdflatex(code: str) -> str:
    """Return the characters of LaTeX code that pdfLaTeX cannot print, sorted; LuaLaTeX and XeLaTeX can."""
    return "".join(sorted({char for char in code if char > _LAST_LATIN}))
