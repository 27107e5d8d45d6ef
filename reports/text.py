"""Text of unknown origin (logs, settings) made short and printable; escaping is the template's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

LONGEST_LOG = 4_000
LONGEST_VALUE = 400
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Without terminal sequences and control characters, line ends included."""
    return _CONTROL.sub("", text).replace("\n", " ")


def tail(log: str, longest: int = LONGEST_LOG) -> str:
    """The log's end without control characters, with a note on what was cut."""
    clean = _CONTROL.sub("", log[-2 * longest :])
    if len(log) <= longest:
        return clean
    return f"[the last {longest:,} of {len(log):,} characters]\n{clean[-longest:]}"


def flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as ('host.os.name', 'Debian') pairs, long values cut."""
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        else:
            yield _CONTROL.sub("", name), _value(value)


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(str(part) for part in value)
    else:
        text = "none" if value is None else str(value)
    text = _CONTROL.sub("", text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
