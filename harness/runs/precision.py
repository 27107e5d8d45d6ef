"""The precision a case asks its runtime to compute in: that of its setting, else what the runtime's name says."""

from __future__ import annotations

from harness.core.errors import UnknownName, UsageError
from harness.core.execution import FROM_FILE
from suites.compression.chain import Chain

_PLAIN = "fp32"
_MEANT = {"int8-dynamic": "int8", "weight-only": _PLAIN}
"""What a file stored so is meant to be computed in, where that is not what it is stored in."""


def asked(compression: str, hint: str) -> str:
    """'fp32', 'fp16', 'int8', ...; for a file whose making is unknown what the runtime is told, else FROM_FILE.

    `hint` is what the adapter asks of the library: it replaces fp32, and no other precision.
    """
    try:
        stored = Chain.parse(compression).last.stored
    except (UnknownName, UsageError):  # a label of the user's own
        return FROM_FILE if hint in ("", _PLAIN) else hint
    meant = _MEANT.get(stored, stored)
    return hint if hint and meant == _PLAIN else meant
