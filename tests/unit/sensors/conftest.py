"""Files that fail the way device files do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FailFiles = Callable[[str, int], None]


@pytest.fixture
def failing_reads(monkeypatch: pytest.MonkeyPatch) -> FailFiles:
    """`failing_reads(end_of_name, errno)`: such files open, and every read of them fails."""
    real_open, real_read, real_pread = os.open, os.read, os.pread
    wanted: dict[str, int] = {}
    opened: dict[int, str] = {}

    def open_(path: Any, *rest: Any, **named: Any) -> int:
        descriptor = real_open(path, *rest, **named)
        opened[descriptor] = str(path)
        return descriptor

    def checked(descriptor: int) -> None:
        for end, number in wanted.items():
            if opened.get(descriptor, "").endswith(end):
                raise OSError(number, os.strerror(number))

    def read(descriptor: int, size: int) -> bytes:
        checked(descriptor)
        return real_read(descriptor, size)

    def pread(descriptor: int, size: int, offset: int) -> bytes:
        checked(descriptor)
        return real_pread(descriptor, size, offset)

    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "read", read)
    monkeypatch.setattr(os, "pread", pread)
    return wanted.__setitem__


@pytest.fixture
def failing_opens(monkeypatch: pytest.MonkeyPatch) -> FailFiles:
    """`failing_opens(end_of_name, errno)`: such files cannot be opened."""
    real_open = os.open
    wanted: dict[str, int] = {}

    def open_(path: Any, *rest: Any, **named: Any) -> int:
        for end, number in wanted.items():
            if str(path).endswith(end):
                raise OSError(number, os.strerror(number), str(path))
        return real_open(path, *rest, **named)

    monkeypatch.setattr(os, "open", open_)
    return wanted.__setitem__


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    """`tree(files)`: a HostFs over these files."""
    from harness.core.hostfs import HostFs
    from tests.trees import write

    return lambda files: HostFs(write(tmp_path / "tree", files))
