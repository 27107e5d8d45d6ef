"""A command of edgebench on a board: the kit and the user's files go there, its output and the run folder come back."""

from __future__ import annotations

import getpass
import hashlib
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.core.artifact import files_of, format_of
from harness.core.errors import UsageError
from harness.runs.provenance import DRIVEN_BY

from . import board_side
from .kit import Kit, attended, extract, lay_out
from .ssh import Board, ConnectionLost

ATTEMPTS = 5
PAUSE_S = board_side.SILENCE_S + board_side.GRACE_S + 10.0
"""After a connection was lost: until the board's side has ended the command, which holds the run's folder."""

Notify = Callable[[str], None]


def upload(board: Board, path: Path) -> str:
    """Bring a file or folder of the user to a board, a model with all its files; return where it is there.

    Raises:
        UsageError: It does not exist.
        SetupError: There is no connection, or no space.
    """
    if not path.exists():
        raise UsageError(f"{path}: No such file or directory", "check the path")
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
        if not files:
            raise UsageError(f"{path} is an empty folder", "check the path")
        folder, _ = lay_out(board, "folder", {f"{path.name}/{name}": file for name, file in files.items()})
        return f"{folder}/{path.name}"
    beside = files_of(path) if format_of(path) else [path]
    folder, _ = lay_out(board, "file", {file.name: file for file in {path, *beside}})
    return f"{folder}/{path.name}"


def run_place(local: Path, resume: bool, kit: Kit) -> str:
    """Return the board's working folder of a run that will be `local` here; it is emptied unless the run is resumed."""
    name = hashlib.sha256(f"{platform.node()}:{local.resolve()}".encode()).hexdigest()[:16]
    place = f"{Path(kit.folder).parent}/runs/{name}"
    if not resume:
        kit.board.call(["rm", "-rf", "--", place])
    return place


def attend(
    kit: Kit,
    folder: str,
    words: Sequence[str],
    notify: Notify,
    resumed: Sequence[str] | None = None,
    quiet: bool = False,
) -> int:
    """Run a command of edgebench in a folder of the board and return its exit code.

    Args:
        kit: Edgebench on the board.
        folder: The working folder on the board.
        words: The command and its options.
        notify: Called with a line of text when the connection was lost.
        resumed: The command that goes on after a connection was lost; None ends with an error instead.
        quiet: Whether its output is shown on standard error, so that standard output is left to the caller.

    Raises:
        ConnectionLost: The connection was lost, and the command could not go on.
    """
    driven_by = f"{DRIVEN_BY}={getpass.getuser()}@{platform.node()} over SSH"
    columns = f"COLUMNS={shutil.get_terminal_size().columns}"
    for attempt in range(1, ATTEMPTS + 1):
        command = kit.words((driven_by, columns), words if attempt == 1 or resumed is None else resumed)
        try:
            return kit.board.attend(attended(folder, command), quiet)
        except ConnectionLost as error:
            if resumed is None or attempt == ATTEMPTS:
                raise
            notify(f"{error.message}: trying again in {PAUSE_S:g} s ({attempt} of {ATTEMPTS - 1})")
            time.sleep(PAUSE_S)
    raise AssertionError("the last attempt returns or raises")


def fetch(board: Board, place: str, target: Path) -> bool:
    """Bring the run of a working folder of the board here, and remove that folder once all of it has arrived.

    Returns:
        Whether there is a run.

    Raises:
        SetupError: There is no connection, or the run holds something other than files.
    """
    if not board.call(["sh", "-c", 'test ! -d "$1" || echo yes', "sh", f"{place}/run"]):
        return False
    with board.receive(["tar", "-C", f"{place}/run", "-cf", "-", "."]) as stream:
        extract(stream, target)
    board.call(["rm", "-rf", "--", place])
    return True
