"""Passwords in texts: `masked` is the one place that hides them, in addresses, connection strings and their errors.

A password may stand in the user part of a URL, in a parameter of its query, escaped or not, or in libpq's
`keyword=value` strings. Everything that records or shows a command line, a store's location or an exception calls it.
Too much is hidden rather than too little: without a password in it, `http://host:80/a@b` loses its port and path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

_SECRET_NAME = re.compile(r"passw(or)?d|passphrase|^pwd$|secret|(access|auth|api)_(token|key)", re.IGNORECASE)
_USER = r"([A-Za-z][\w+.-]*://[^\s:/]*):"
_USER_PART = re.compile(rf"{_USER}\S*@")
"""Scheme, user and password, which may hold unescaped signs up to the last @."""

_USER_PART_OF_WORD = re.compile(rf"{_USER}.*@", re.DOTALL)
_NAME = re.compile(r"(?<![\w%.-])[\w%.-]{2,64}\s*=\s*")
_VALUE = re.compile(r"'(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?|[^&\s'\"][^&\s]*", re.DOTALL)
_VALUE_IN_URL = re.compile(r"[^&]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


def masked(text: str) -> str:
    """Return a text with every password in it replaced by '***'."""
    if "://" in text:
        text = _USER_PART.sub(rf"\1:{MASK}@", text)
    return _masked_values(text, _VALUE) if "=" in text else text


def masked_word(word: str) -> str:
    """Return a word of a command line, or the location of a store, masked; white space belongs to the password."""
    if "://" not in word:
        return masked(word)
    return _masked_values(_USER_PART_OF_WORD.sub(rf"\1:{MASK}@", word), _VALUE_IN_URL)


def masked_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command line, masked."""
    return tuple(map(masked_word, words))


def has_secret(word: str) -> bool:
    """Return whether a word of a command line, or the location of a store, holds a password."""
    return masked_word(word) != word


def is_secret_name(name: str) -> bool:
    """Return whether a parameter of this name holds a password; the name may be escaped as in URLs."""
    plain = _ESCAPE.sub(lambda code: chr(int(code[1], 16)), name)
    return bool(_SECRET_NAME.search(plain.rstrip(" =\t")))


def _masked_values(text: str, value: re.Pattern[str]) -> str:
    """Return the text with the values of all secret parameters masked; one may stand in the value of another option."""
    parts, position = [], 0
    for name in _NAME.finditer(text):
        if name.start() >= position and is_secret_name(name[0]) and (found := value.match(text, name.end())):
            parts += [text[position : name.end()], MASK]
            position = found.end()
    return "".join([*parts, text[position:]])
