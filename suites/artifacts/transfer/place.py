"""From what a user writes to a store."""

from __future__ import annotations

import re
from pathlib import Path

from harness.core.errors import UsageError

from .folder import FolderStore
from .http import HttpStore
from .ssh import SshStore
from .stores import Store

_HOST = re.compile(r"(?:\w[\w.-]*@)?\w[\w.-]*", re.ASCII)


def open_store(text: str) -> Store:
    """'https://host/path', '[user@]host:path', or a folder. UsageError for another scheme or a host that is none.

    As with scp a colon before the first slash tells a host; write ./a:b for a folder of that name.
    """
    if re.match(r"https?://", text):
        return HttpStore(text)
    if "://" in text:
        raise UsageError(f"{text}: unknown kind of store", "a folder, user@host:path, http:// or https://")
    host, colon, folder = text.partition(":")
    if not colon or "/" in host:
        return FolderStore(Path(text).expanduser())
    if not _HOST.fullmatch(host):
        raise UsageError(f"{text}: '{host}' is no host", "write user@host:path, or ./name for a folder with a colon")
    return SshStore(host, (folder.removeprefix("~/") or ".").rstrip("/") or "/")
