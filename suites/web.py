"""A file of the web, used only when it is the one whose hash was given."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError, UsageError
from harness.core.places import cache_dir

_TIMEOUT_S = 60
_SHA256_DIGITS = 64


def fetched(url: str) -> Path:
    """The file behind 'https://...#sha256=HEX', kept in the cache under its hash.

    UsageError for an address without the hash, SetupError when nothing or another file comes.
    """
    address, _, fragment = url.partition("#")
    wanted = fragment.removeprefix("sha256=").lower()
    if len(wanted) != _SHA256_DIGITS or not fragment.startswith("sha256="):
        raise UsageError(
            f"{address} has no hash to be checked by", "write URL#sha256=HEX, with the 64 digits of its hash"
        )
    name = Path(urllib.parse.urlsplit(address).path).name
    target = cache_dir() / "downloads" / f"{wanted[:16]}-{name}"
    if target.is_file() and sha256_of(target) == wanted:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    try:
        _download(address, unfinished)
        if (found := sha256_of(unfinished)) != wanted:
            raise SetupError(f"{address}: sha256 {found}, expected {wanted}", "the file was thrown away, not used")
        return unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _download(address: str, target: Path) -> None:
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise UsageError(f"{address} is no address of the web", "http:// or https://, or the path of a file")
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer, target.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as error:
        raise SetupError(f"{address} cannot be downloaded: {error}", "see whether this machine reaches it") from error
