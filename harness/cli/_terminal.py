"""What the command prints: nothing that a model's name or a library's message holds can control the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from harness.core.printable import printable


class PrintableStream:
    """A text stream that writes what is printable; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text without terminal sequences and control characters."""
        self.stream.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each text as `write` does."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def open_closed_streams() -> None:
    """Open standard streams that were closed (`>&-`) on nothing, before a file of ours takes their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the whole program
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


@contextmanager
def printable_streams() -> Iterator[None]:
    """Within the `with` block, whatever is printed is printable; `harness.cli._console` still has its colours."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = PrintableStream(sys.stdout), PrintableStream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unfiltered(stream: TextIO) -> TextIO:
    """Return the stream behind a `PrintableStream`, for control sequences of our own."""
    return stream.stream if isinstance(stream, PrintableStream) else stream


def show_status(text: str) -> None:
    """Show a line on standard error in place of the last one; '' removes it."""
    stream = unfiltered(sys.stderr)
    stream.write(f"\r\033[K{printable(text)}")
    stream.flush()
