"""Record every file that a run reads, with the time, to be replayed as a virtual board (`harness.host.replay`).

A recording is a folder with an ordinary tree, so that people can look into it: the first content of each file, and the
links. Beside it, `recording.jsonl` holds one line for each change of a file's content:
`{"t_ns": 1200000, "name": "/sys/...", "text": "48850"}`, with "hex" for bytes that are not UTF-8, or "missing" with the
reason. The last line is `{"t_ns": ..., "end": true}`. It may hold "loop": true, to start again at the end, and
"counters": {name: wrap} for files whose counts continue then.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

JOURNAL = "recording.jsonl"
_MAX_LINKS = 40  # the kernel's limit: more is a loop


class RecordingFs(HostFs):
    """A HostFs that records what it reads.

    Args:
        folder: New or empty folder of the recording.
        root: Root of the tree that is read.

    Raises:
        UsageError: The folder is not empty.
    """

    def __init__(self, folder: Path, root: Path | str = "/") -> None:
        super().__init__(root)
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty", "record into a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = threading.Lock()
        self._last: dict[str, bytes | Missing] = {}
        self._failure: OSError | None = None
        self._start_ns = time.perf_counter_ns()
        self._journal = (folder / JOURNAL).open("w", encoding="utf-8")

    def on_read(self, name: str, result: bytes | Missing) -> None:
        """Record a result when it differs from the last one of that name."""
        with self._lock, self._noting_failure():
            if self._last.get(name) == result:
                return
            if name not in self._last and isinstance(result, bytes):
                self._put(name, result)
            self._last[name] = result
            self._write({"name": name, **_encoded(result)})

    def glob(self, pattern: str) -> Iterator[str]:
        """Yield the names that match, as HostFs does; they exist in the recording too, readable or not."""
        for name in super().glob(pattern):
            with self._noting_failure():
                self._put(name, None)
            yield name

    def exists(self, name: str) -> bool:
        """Return whether the file is there, as HostFs does; then it exists in the recording too."""
        present = super().exists(name)
        if present:
            with self._noting_failure():
                self._put(name, None)
        return present

    def leads_nowhere(self, name: str) -> bool:
        """Return whether the name is a link without a target, as HostFs does; then it is one in the recording too."""
        nowhere = super().leads_nowhere(name)
        if nowhere:
            with self._noting_failure():
                self._put(name, None)
        return nowhere

    def close(self) -> None:
        """End the recording.

        Raises:
            UsageError: Something could not be written, for a full disk for instance.
        """
        with self._lock, self._noting_failure():
            try:
                self._write({"end": True})
            finally:
                self._journal.close()
        if self._failure is not None:
            raise UsageError(
                f"{os.strerror(self._failure.errno or 0)}: {self._failure.filename or self.folder / JOURNAL}",
                "the recording is not complete: record again into a new folder, on a disk with free space",
            ) from self._failure

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        """Keep the first error of a write for the end: what reads the machine goes on, and knows nothing of it."""
        try:
            yield
        except OSError as error:
            self._failure = self._failure or error

    def _write(self, event: Mapping[str, Any]) -> None:
        self._journal.write(json.dumps({"t_ns": time.perf_counter_ns() - self._start_ns, **event}) + "\n")

    def _put(self, name: str, content: bytes | None) -> None:
        """Write a file or folder of the recorded tree; with `content` None it only comes to exist.

        A link that leads nowhere does so in the recording too.
        """
        path = self._recorded_path(name)
        if content is None and self.path(name).is_dir():
            path.mkdir(parents=True, exist_ok=True)
        elif content is not None or (self.path(name).exists() and not path.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content or b"")

    def _recorded_path(self, name: str) -> Path:
        """Return the path of `name` in the recording behind all links, which are copied to the recording."""
        done: list[str] = []
        todo = [part for part in name.split("/") if part]
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            source = self.root.joinpath(*done, part)
            if not source.is_symlink() or links >= _MAX_LINKS:
                done.append(part)
                continue
            links += 1
            target = os.readlink(source)  # noqa: PTH115  (Path.readlink would drop a leading './')
            base = [] if target.startswith("/") else done
            _link(self.folder.joinpath(*done, part), target, len(done))
            done, todo = list(base), [*(each for each in target.split("/") if each not in {"", "."}), *todo]
        return self.folder.joinpath(*done)


def _link(path: Path, target: str, depth: int) -> None:
    """Copy a link to the recording; an absolute one becomes relative to the recording's root, `depth` levels up."""
    if target.startswith("/"):
        target = "../" * depth + target.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink() and not path.exists():
        path.symlink_to(target)


def _encoded(result: bytes | Missing) -> dict[str, str]:
    if isinstance(result, Missing):
        return {"missing": result.reason}
    try:
        return {"text": result.decode("utf-8")}
    except UnicodeDecodeError:
        return {"hex": result.hex()}
