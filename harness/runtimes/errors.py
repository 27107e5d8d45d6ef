"""From a library's exception to what a user can do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .base import SessionError

Hint = tuple[str, str]
"""A pattern found in a library's message (case does not matter), and the remedy it calls for."""
_LONGEST = 600
"""Characters of a library's message that are kept: some append whole stack traces."""


def refusal(library: str, error: BaseException, hints: Sequence[Hint]) -> SessionError:
    """A SessionError with the library's own words and the remedy of the first hint that fits; one that is one stays."""
    if isinstance(error, SessionError):
        return error
    words = _plain(str(error)) or type(error).__name__
    remedy = next((advice for pattern, advice in hints if re.search(pattern, words, re.IGNORECASE)), "")
    return SessionError(f"{library} cannot run it: {words}", remedy)


def _plain(message: str) -> str:
    """One paragraph without line breaks, cut where it gets long."""
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
