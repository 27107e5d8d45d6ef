"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, on a socket there, reached by no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = "/usr/lib/postgresql/*/bin/initdb"  # not on the PATH: several versions may live side by side
_USER = "nobody"  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where it is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max((path.parent for path in Path("/").glob(_DEBIAN.lstrip("/"))), default=None)


@contextmanager
def server() -> Iterator[str]:
    """The URL of a running server's empty cluster, without a database; it is stopped and removed in the end."""
    binaries = programs()
    if binaries is None:
        raise FileNotFoundError("no PostgreSQL here: apt-get install postgresql")
    # sockets need short paths, which pytest's folders are not
    folder = Path(tempfile.mkdtemp(prefix="edgebench-pg-"))
    try:
        _own(folder)
        data = folder / "data"
        _run(binaries / "initdb", "-D", data, "-A", "trust", "-U", "edgebench", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        _run(binaries / "pg_ctl", "-D", data, "-w", "-t", "300", "-o", options, "-l", folder / "log", "start")
        try:
            yield f"postgresql+psycopg://edgebench@/postgres?host={folder}"
        finally:
            _run(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, _USER)


def _run(*words: str | Path) -> None:
    user = _USER if os.geteuid() == 0 else None
    # no pipes: the server would inherit them and keep their reader waiting
    subprocess.run(
        list(map(str, words)), check=True, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
