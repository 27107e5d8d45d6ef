"""The text of another tool's result, and the JSON object in it."""

from __future__ import annotations

import codecs
import json
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.errors import RecordError, reason_of

MAX_BYTES = 256 << 20
"""A result with a million samples has some 20 MB; parsing takes ten times the file's size in memory."""


def read_text(path: Path, tools: str) -> str:
    r"""Return the text of a file, with '\n' as line ends; it may be UTF-8, or UTF-16 as PowerShell writes it.

    Args:
        path: The file.
        tools: The tools whose result is expected, for messages.

    Raises:
        RecordError: It is not a regular file, too large, empty, unreadable, or not text.

    """
    remedy = f"give a result of {tools}"
    try:
        kind = path.stat()
        if not stat.S_ISREG(kind.st_mode):
            what = "a folder" if stat.S_ISDIR(kind.st_mode) else "a device, pipe or socket"
            raise RecordError(f"{path}: {what}, not a file", f"{remedy}; save the output of a pipe to a file first")
        if kind.st_size > MAX_BYTES:
            size = f"{kind.st_size / 2**20:.0f} MiB, at most {MAX_BYTES >> 20} MiB can be read"
            raise RecordError(f"{path}: {size}", "import fewer benchmarks at a time")
        text = _decoded(path.read_bytes())
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: not a text file: byte {error.start} is not {error.encoding}", remedy) from None
    except OSError as error:
        raise RecordError(f"{path}: {reason_of(error)}", remedy) from None
    except ValueError as error:  # a path with a NUL
        raise RecordError(f"{str(path)!r}: {error}", remedy) from None
    if not text.strip():
        raise RecordError(f"{path}: empty, not a result of {tools}", "check whether the tool failed")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if is_utf16 else "utf-8-sig")


@lru_cache(maxsize=1)  # every tool's module asks whether the same text is its own
def parse_object(text: str) -> Mapping[str, Any]:
    """Parse a JSON object; {} if the text does not begin as one.

    Raises:
        ValueError: It is cut off, malformed, nested too deeply, or has a key twice: which of both counts is unknown.

    """
    if not text.lstrip().startswith("{"):
        return {}
    try:
        document: dict[str, Any] = json.loads(text, object_pairs_hook=_without_repetition)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} occurs twice in one object")
    return document
