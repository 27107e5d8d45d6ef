"""What small system files hold: text, or one number in it."""

from __future__ import annotations

import re

from .quantity import Missing

_WORD = re.compile(r"(0x)?[0-9a-fA-F]{1,8}")
_INTEGER = re.compile(r"[ \t]*[+-]?[0-9]{1,20}")
"""What the kernel prints of 64 bits; int() alone takes more: '1_000', digits of other scripts, a thousand nines."""


def as_text(data: bytes | Missing) -> str | Missing:
    """Bytes of a small system file as text, without trailing white space and NULs."""
    return data if isinstance(data, Missing) else data.decode("utf-8", "replace").rstrip("\0 \n\t")


def as_int(name: str, text: str | Missing) -> int | Missing:
    """One decimal integer; an empty, cut or garbled text is Missing, with what was there."""
    if isinstance(text, Missing):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    found = f"'{text[:40]}'" if text else "nothing"
    return Missing(f"not a number: {found} in {name}")


def as_hex(name: str, text: str | Missing) -> int | Missing:
    """One hexadecimal number of 32 bits, with or without 0x."""
    if isinstance(text, Missing):
        return text
    if _WORD.fullmatch(text):
        return int(text, 16)
    return Missing(f"not a hexadecimal number: '{text[:40]}' in {name}")
