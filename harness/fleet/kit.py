"""What a board needs to measure: this code, an environment with its libraries, and the files of a run, all by hash."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError

from . import board_side
from .ssh import Board

ROOT = Path(__file__).parents[2]
CODE = ("edgebench", "harness", "reports", "suites", "targets")
_PARTS = {".py", ".toml", ".json", ".csv", ".txt", ".xz", ".html", ".css", ".js", ".typed"}
_LARGE = ("suites/artifacts/*-32/*", "suites/data/*/*", "reports/assets/plotly*")
"""Files that a run has to ask for by name."""
LIBRARIES = ("numpy>=1.26", "psutil>=5.9", "pydantic>=2.7", "rich>=13.7")
OLDEST = (3, 10)
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class BoardFacts:
    """What a board says of itself.

    Attributes:
        python: Version of its Python.
        architecture: Architecture of its processor.
        folder: The folder of all that edgebench keeps there.
        free_bytes: Space on the disk of that folder.
    """

    python: tuple[int, int, int]
    architecture: str
    folder: str
    free_bytes: int


@dataclass(frozen=True)
class Kit:
    """Edgebench on a board.

    Attributes:
        board: The board.
        folder: The folder of the code.
        python: The Python of the environment.
        sent_bytes: What had to be sent.
    """

    board: Board
    folder: str
    python: str
    sent_bytes: int

    def words(self, environment: Iterable[str], words: Iterable[str]) -> list[str]:
        """Return the command line that runs a command of edgebench on the board.

        Args:
            environment: Variables as NAME=VALUE.
            words: The command and its options.
        """
        return ["env", f"PYTHONPATH={self.folder}", *environment, self.python, "-m", "edgebench", *words]


def facts(board: Board) -> BoardFacts:
    """Ask a board what it is.

    Raises:
        SetupError: There is no connection, no Python, or one that is too old.
    """
    try:
        told: dict[str, Any] = json.loads(board.call(_python("about")))
        major, minor, patch = told["python"]
    except ValueError as error:
        raise SetupError(f"{board.destination}: its python3 does not answer as expected: {error}") from None
    if (major, minor) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise SetupError(
            f"{board.destination} has Python {major}.{minor}; the libraries of edgebench need {oldest} or newer",
            "install a newer one there, such as with uv or pyenv, first in the PATH of non-interactive shells",
        )
    return BoardFacts((major, minor, patch), told["architecture"], told["folder"], told["free_bytes"])


def install(board: Board, files: Mapping[str, Path], libraries: Sequence[str]) -> Kit:
    """Bring edgebench to a board; what is there already is used.

    Args:
        board: The board.
        files: Large files that the command needs, by their path in the source tree.
        libraries: What pip installs on the board besides `LIBRARIES`.

    Raises:
        SetupError: There is no connection or no space, or pip fails.
    """
    about = facts(board)
    interpreter = board.call(_python("environment", *environment(about.python, libraries))).decode().strip()
    folder, sent = lay_out(board, "kit", {**code(), **files}, about.free_bytes)
    return Kit(board, folder, interpreter, sent)


def environment(python: tuple[int, int, int], libraries: Sequence[str]) -> tuple[str, ...]:
    """Return the name of the environment of these libraries for that Python, and all that pip installs into it."""
    packages = sorted({*LIBRARIES, *libraries, *(["tomli>=2"] if python < (3, 11) else [])})
    name = hashlib.sha256(json.dumps([python, packages]).encode()).hexdigest()[:16]
    return f"environment-{name}", *packages


def code() -> dict[str, Path]:
    """Return the files of this edgebench but the large ones, by their path in the source tree."""
    found = (path for part in CODE for path in (ROOT / part).rglob("*") if path.suffix in _PARTS and path.is_file())
    named = {path.relative_to(ROOT).as_posix(): path for path in found}
    large = {path.relative_to(ROOT).as_posix() for pattern in _LARGE for path in ROOT.glob(pattern)}
    return {name: path for name, path in sorted(named.items()) if name not in large and "__pycache__" not in name}


def lay_out(board: Board, kind: str, files: Mapping[str, Path], free_bytes: int | None = None) -> tuple[str, int]:
    """Bring files to a board and lay them out as a folder; return the folder, and how many bytes had to be sent.

    Every file is stored once under its hash, and checked there. A transfer that was interrupted goes on where it was.

    Raises:
        SetupError: There is no connection, or not enough space.
    """
    hashes = {name: sha256_of(path) for name, path in files.items()}
    sources = {hashes[name]: path for name, path in files.items()}
    lacking = json.loads(board.call(_python("missing"), json.dumps(sorted(sources)).encode()))
    to_send = [(sha256, sources[sha256]) for sha256 in lacking if sha256 in sources]
    size = sum(path.stat().st_size for _, path in to_send)
    if free_bytes is not None and size > free_bytes:
        raise SetupError(
            f"{board.destination} has {free_bytes / 1e6:.0f} MB left, {size / 1e6:.0f} MB are needed",
            "free some space there",
        )
    if to_send:
        board.send(_python("receive"), _archive(to_send))
    document = json.dumps(hashes, sort_keys=True).encode()
    name = f"{kind}-{hashlib.sha256(document).hexdigest()[:16]}"
    return board.call(_python("tree", name), document).decode().strip(), size


def attended(folder: str, words: Iterable[str]) -> list[str]:
    """Return the command line that runs `words` in a folder on the board and ends them with the connection."""
    return _python("attend", folder, *words)


def _archive(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a tar archive in pieces, each file under its hash."""
    for sha256, path in files:
        header = tarfile.TarInfo(sha256)
        header.size = path.stat().st_size
        yield header.tobuf(tarfile.GNU_FORMAT)
        with path.open("rb") as file:
            left = header.size
            while piece := file.read(min(_PIECE_BYTES, left)):
                left -= len(piece)
                yield piece
        yield bytes(left + -header.size % tarfile.BLOCKSIZE)  # a file that shrank meanwhile is refused by its hash
    yield bytes(2 * tarfile.BLOCKSIZE)


def _python(action: str, *words: str) -> list[str]:
    return ["python3", "-c", Path(board_side.__file__).read_text(encoding="utf-8"), action, *words]


def extract(stream: Any, target: Path) -> None:
    """Unpack a tar stream from a board below `target`: files and folders alone, and none outside of it.

    Raises:
        SetupError: It holds anything else.
    """
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = target / member.name
            if not path.resolve().is_relative_to(target.resolve()) or not (member.isfile() or member.isdir()):
                raise SetupError(f"'{member.name[:80]}' from the board is no file of a run", "it was not kept")
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.part")
            with unfinished.open("wb") as file, archive.extractfile(member) or io.BytesIO() as source:
                shutil.copyfileobj(source, file, _PIECE_BYTES)
            unfinished.replace(path)
