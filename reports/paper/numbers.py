"""Numbers of a LaTeX table, with their intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reports.numbers import FormattedValue

_MISSING = "--"


@dataclass(frozen=True)
class Number:
    """One cell.

    Attributes:
        text: The number, '' if it is missing.
        half: Half the width of its interval, '' without one.
        ends: The ends of its interval if it is wide; otherwise empty.

    """

    text: str
    half: str = ""
    ends: tuple[str, ...] = ()

    @classmethod
    def of(cls, value: FormattedValue) -> Number:
        """Take over the digits of a formatted value."""
        if value.missing:
            return cls("")
        text, spread = value.text.replace(",", ""), value.spread.replace(",", "")
        if spread.startswith("±"):
            return cls(text, half=spread[1:])
        return cls(text, ends=tuple(spread.split("\N{EN DASH}")) if spread else ())

    @property
    def aligned(self) -> bool:
        """Whether siunitx can align it: braces keep everything else as text."""
        return bool(self.text) and not self.ends and "e" not in self.text

    def code(self, siunitx: bool) -> str:
        """Return its LaTeX code, for a column that siunitx aligns or for any other."""
        if not self.text:
            return f"{{{_MISSING}}}" if siunitx else _MISSING
        if siunitx and self.aligned:
            return f"{self.text} +- {self.half}" if self.half else self.text
        half = rf" \pm {_math(self.half)}" if self.half else ""
        ends = f" [${_math(self.ends[0])}$, ${_math(self.ends[1])}$]" if self.ends else ""
        code = f"${_math(self.text)}{half}${ends}"
        return f"{{{code}}}" if siunitx else code


def _math(text: str) -> str:
    r"""Return a number for math mode: '1.2e-05' as '1.2 \times 10^{-5}', thousands set apart."""
    mantissa, _, exponent = text.partition("e")
    whole, point, fraction = mantissa.partition(".")
    if len(whole.lstrip("-")) > 4:  # as siunitx does
        whole = re.sub(r"(?<=\d)(?=(\d{3})+$)", r"\\,", whole)
    return f"{whole}{point}{fraction}" + (rf" \times 10^{{{int(exponent)}}}" if exponent else "")


def column_format(numbers: Sequence[Number]) -> str:
    """Return a siunitx column wide enough for the digits of these numbers; a centred one if it can align none."""
    aligned = [number for number in numbers if number.aligned]
    if not aligned:
        return "c"
    wholes, fractions = zip(*(number.text.lstrip("-").partition(".")[::2] for number in aligned), strict=True)
    sign = "-" if any(number.text.startswith("-") for number in aligned) else ""
    uncertain = max(len(number.half.replace(".", "").lstrip("0")) for number in aligned)
    digits = f"{max(map(len, wholes))}.{max(map(len, fractions))}"
    return f"S[table-format = {sign}{digits}{f'({uncertain})' if uncertain else ''}]"
