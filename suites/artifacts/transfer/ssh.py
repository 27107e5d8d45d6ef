"""A store in a folder of another machine, by the ssh that is installed here; there a shell and `cat` are enough."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness.core.errors import SetupError

from .stores import PIECE_BYTES, Store

_ABSENT = 44
"""Exit status by which our own remote commands say that there is no such file; ssh itself fails with 255."""


@dataclass(frozen=True)
class SshStore(Store):
    """Files in `folder` of `host` ('user@board'); a relative folder is one of the user's home."""

    host: str
    folder: str

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return self._run(f"test -f {self._quoted(name)} || exit {_ABSENT}") != _ABSENT

    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces."""
        path = self._quoted(name)
        child = self._start(f"test -f {path} || exit {_ABSENT}; cat {path}", stdout=subprocess.PIPE)
        assert child.stdout is not None
        try:
            while piece := child.stdout.read(PIECE_BYTES):
                yield piece
        except GeneratorExit:  # the reader has seen enough
            child.kill()
            raise
        finally:
            child.stdout.close()
            status = child.wait()
        if status == _ABSENT:
            raise FileNotFoundError(f"{self.host}:{self.folder}/{name}")
        self._check(status, name)

    def write(self, name: str, source: Path) -> None:
        """Write beside, then rename: a broken connection leaves no half file under its name."""
        folder, unfinished, path = shlex.quote(self.folder), self._quoted(f".{name}.part"), self._quoted(name)
        with source.open("rb") as content:
            self._run(f"mkdir -p {folder} && cat > {unfinished} && mv {unfinished} {path}", content)

    def _quoted(self, name: str) -> str:
        return shlex.quote(f"{self.folder}/{name}")

    def _run(self, command: str, content: int | BinaryIO = subprocess.DEVNULL) -> int:
        status = self._start(command, stdin=content).wait()
        return status if status == _ABSENT else self._check(status, command)

    def _start(
        self, command: str, stdin: int | BinaryIO = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(["ssh", "--", self.host, command], stdin=stdin, stdout=stdout)  # noqa: S607
        except FileNotFoundError as error:
            raise SetupError("ssh is not installed", "sudo apt-get install openssh-client") from error

    def _check(self, status: int, what: str) -> int:
        if status:
            remedy = f"ssh {self.host} must work without a question, and {self.folder} be writable there"
            raise SetupError(f"ssh {self.host} ended with status {status} ({what:.60})", remedy)
        return status
