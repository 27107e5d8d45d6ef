"""A board over SSH: the system's OpenSSH with the user's own configuration, keys, ports and jump hosts."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.core.errors import SetupError, UsageError

_DESTINATION = re.compile(r"(ssh://)?(?:[\w.+-]+@)?(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[\w.-]+)(?::\d+)?")
_OPTIONS = ("BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=10", "ServerAliveCountMax=6")
"""No question in the middle of a run, and a connection that is gone is noticed within a minute."""
_NO_CONNECTION = 255
"""Exit code of ssh itself."""
PING_S = 5.0
PROGRAM = "EDGEBENCH_SSH"
"""The variable with another program than `ssh`, or with its options: 'ssh -F lab.conf'."""


class ConnectionLost(SetupError):
    """The connection ended before the command did."""


def destination(text: str) -> str:
    """Return what the user named as a board: `host`, `user@host` or `ssh://user@host:port`.

    Raises:
        UsageError: It is none of these; an option or a command would be one, so that nothing else is accepted.
    """
    if text.startswith("-") or not _DESTINATION.fullmatch(text) or (":" in text and not text.startswith("ssh://")):
        raise UsageError(
            f"'{text}' is no board", "name one as ssh does: pi@raspberrypi.local, ssh://pi@10.0.0.7:2222, a Host of ssh"
        )
    return text


@dataclass
class Board:
    """A board, with one connection that all commands share.

    Attributes:
        destination: As `destination` returns it.
    """

    destination: str
    _folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="edgebench-ssh-")))

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(self._ssh("-O", "exit"), check=False, capture_output=True, timeout=10)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, words: Sequence[str], stdin: bytes = b"") -> bytes:
        """Run a command on the board and return what it printed.

        Raises:
            SetupError: There is no connection, or the command failed; with its own words.
        """
        done = subprocess.run(self._command(words), input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise self._failed(done.returncode, done.stderr.decode(errors="replace"), words)
        return done.stdout

    def send(self, words: Sequence[str], pieces: Iterator[bytes]) -> bytes:
        """Run a command on the board with what `pieces` yields as its input; return what it printed.

        Raises:
            SetupError: There is no connection, or the command failed.
        """
        with self._process(words, stderr=subprocess.PIPE) as process:
            with contextlib.suppress(BrokenPipeError):  # the command ended early: its own words say why
                assert process.stdin is not None
                for piece in pieces:
                    process.stdin.write(piece)
            out, err = process.communicate()
        if process.returncode:
            raise self._failed(process.returncode, err.decode(errors="replace"), words)
        return out

    @contextlib.contextmanager
    def receive(self, words: Sequence[str]) -> Iterator[IO[bytes]]:
        """Run a command on the board and yield its output as a stream.

        Raises:
            SetupError: There is no connection, or the command failed.
        """
        with tempfile.TemporaryFile() as err, self._process(words, stderr=err) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            yield process.stdout
            process.stdout.close()
            if code := process.wait():
                err.seek(0)
                raise self._failed(code, err.read().decode(errors="replace"), words)

    def attend(self, words: Sequence[str], quiet: bool = False) -> int:
        """Run a command on the board as if it ran here: its output is shown as it comes, and it ends with this process.

        The board's side ends the command when nothing comes from here any more: see `board_side`.

        Args:
            words: The command.
            quiet: Whether all output is shown on standard error.

        Returns:
            The exit code of the command.

        Raises:
            ConnectionLost: The connection ended before the command.
        """
        # In a session of its own: Ctrl-C ends the board's side, by the end of its input, and ssh shows how it closes.
        process = subprocess.Popen(
            self._command(words), stdin=subprocess.PIPE, stdout=2 if quiet else None, start_new_session=True
        )
        done = threading.Event()
        pings = threading.Thread(target=_ping, args=(process, done), daemon=True)
        pings.start()

        def hang_up() -> None:
            done.set()
            pings.join()
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()

        try:
            code = process.wait()
        except KeyboardInterrupt:
            hang_up()
            process.wait()
            raise
        finally:
            hang_up()
        if code == _NO_CONNECTION:
            raise ConnectionLost(f"the connection to {self.destination} was lost", "run again with --resume")
        return code

    def _process(self, words: Sequence[str], stderr: IO[bytes] | int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)

    def _command(self, words: Sequence[str]) -> list[str]:
        return [*self._ssh(), shlex.join(words)]

    def _ssh(self, *more: str) -> list[str]:
        shared = ("ControlMaster=auto", f"ControlPath={self._folder}/%C", "ControlPersist=60")
        options = [word for option in (*_OPTIONS, *shared) for word in ("-o", option)]
        program = shlex.split(os.environ.get(PROGRAM) or "ssh")
        return [*program, *options, *more, "--", self.destination]

    def _failed(self, code: int, said: str, words: Sequence[str]) -> SetupError:
        last = " ".join(said.split()[-60:])
        if code == _NO_CONNECTION:
            remedy = f"try it: ssh {self.destination} true; keys and hosts are set up in ~/.ssh/config"
            return SetupError(f"{self.destination}: no connection: {last}", remedy)
        return SetupError(f"{self.destination}: {Path(words[0]).name} failed: {last or f'exit code {code}'}")


def _ping(process: subprocess.Popen[bytes], done: threading.Event) -> None:
    """Tell the board's side now and then that this process is alive."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        while not done.wait(PING_S):
            process.stdin.write(b".")
            process.stdin.flush()
