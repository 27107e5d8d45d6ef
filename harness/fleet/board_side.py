"""The board's side: a program for the board's own Python, 3.8 or newer, that needs nothing but the standard library.

It is sent as text, `python3 -c SOURCE ACTION ...`, since nothing of edgebench may be on the board yet.

    about                 print a JSON object: the Python, the architecture, the folder, free bytes
    missing               read a JSON list of hashes; print those whose files are not here
    receive               read a tar archive of files that are named by their hashes; keep those that are right
    tree NAME             read a JSON object of relative paths and hashes; lay the files out as the folder NAME
    environment NAME PACKAGE...   make a virtual environment with these packages
    attend FOLDER WORD... run a command in a folder, and end it when nothing comes from the other side any more
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SILENCE_S = 60.0
GRACE_S = 20.0
HERE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebench"
FILES = HERE / "files"


def about() -> None:
    """Print what a kit has to be made for."""
    HERE.mkdir(parents=True, exist_ok=True)
    print(
        json.dumps(
            {
                "python": list(sys.version_info[:3]),
                "architecture": platform.machine(),
                "folder": str(HERE),
                "free_bytes": shutil.disk_usage(HERE).free,
            }
        )
    )


def missing() -> None:
    """Print the hashes of the files that are not here."""
    wanted = json.load(sys.stdin)
    print(json.dumps([sha256 for sha256 in wanted if not (FILES / checked(sha256)).is_file()]))


def receive() -> None:
    """Keep the files of an archive. One that is not what its name says is not kept."""
    FILES.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for member in archive:
            source = archive.extractfile(member)
            if source is None:
                continue
            unfinished = FILES / f"{checked(member.name)}.{os.getpid()}.part"
            digest = hashlib.sha256()
            try:
                with unfinished.open("wb") as file:
                    while True:
                        piece = source.read(1 << 20)
                        if not piece:
                            break
                        digest.update(piece)
                        file.write(piece)
                if digest.hexdigest() != member.name:
                    sys.exit(f"{member.name[:12]} arrived as another file")
                unfinished.replace(FILES / member.name)
            finally:
                if unfinished.exists():
                    unfinished.unlink()


def tree(name: str) -> None:
    """Lay files out as a folder, whole or not at all, and print where it is."""
    place = HERE / name
    if not (place / ".complete").is_file():
        unfinished = HERE / f"{name}.{os.getpid()}.part"
        for path, sha256 in json.load(sys.stdin).items():
            target = unfinished / path
            if ".." in Path(path).parts or Path(path).is_absolute():
                sys.exit(f"{path} leads out of the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(FILES / checked(sha256), target)
            except OSError:  # a file system without links
                shutil.copyfile(str(FILES / sha256), str(target))
        (unfinished / ".complete").touch()
        try:
            unfinished.rename(place)
        except OSError:  # another command was faster, or a former one was killed
            if not (place / ".complete").is_file():
                shutil.rmtree(str(place))
                unfinished.rename(place)
            else:
                shutil.rmtree(str(unfinished))
    os.utime(str(place))
    print(place)


def environment(name: str, *packages: str) -> None:
    """Make a virtual environment, whole or not at all, and print where its Python is."""
    place = HERE / name
    python = place / "bin" / "python"
    if not (place / ".complete").is_file():
        shutil.rmtree(str(place), ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", str(place)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
        ):
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
            if done.returncode:
                sys.exit((done.stdout + done.stderr).decode(errors="replace")[-2000:])
        (place / ".complete").touch()
    print(python)


def attend(folder: str, *words: str) -> None:
    """Run a command; interrupt it, and then kill its whole session, when the other side falls silent."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(list(words), cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    last = [time.monotonic()]

    def listen() -> None:
        while os.read(0, 64):
            last[0] = time.monotonic()
        last[0] = float("-inf")

    threading.Thread(target=listen, daemon=True).start()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: last.__setitem__(0, float("-inf")))
    while process.poll() is None:
        if time.monotonic() - last[0] > SILENCE_S:
            end(process)
        time.sleep(0.2)
    kill(process, signal.SIGKILL)  # what it may have left
    sys.exit(process.returncode if process.returncode >= 0 else 128 - process.returncode)


def end(process: subprocess.Popen[Any]) -> None:
    """Interrupt a command, so that it closes its run; kill what is left after a while."""
    kill(process, signal.SIGINT)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        kill(process, signal.SIGKILL)


def kill(process: subprocess.Popen[Any], number: int) -> None:
    """Send a signal to all processes of a command's session."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, number)


def checked(sha256: str) -> str:
    """Return a hash; end the program where it is none, since it becomes the name of a file."""
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        sys.exit(f"{sha256[:80]!r} is no hash")
    return sha256


if __name__ == "__main__":
    ACTIONS: dict[str, Callable[..., None]] = {
        action.__name__: action for action in (about, missing, receive, tree, environment, attend)
    }
    ACTIONS[sys.argv[1]](*sys.argv[2:])
