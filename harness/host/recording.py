"""Record every file a run reads, with the time, to be replayed as a virtual board (`harness.host.replay`).

A recording is a folder that is an ordinary tree (the first content of each file, links as they were), so that a person
can look into it, plus `recording.jsonl`: one line each time a file's content changed,
`{"t_ns": 1200000, "name": "/sys/...", "text": "48850"}`, with "hex" for what is not text, or "missing" with the reason.
Its last line, `{"t_ns": ..., "end": true}`, may hold "loop": true, to begin again when it is over, and "counters":
{name: wrap} for files that must go on counting then.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

JOURNAL = "recording.jsonl"
_MAX_LINKS = 40  # as the kernel: more is a loop


class RecordingFs(HostFs):
    """Reads like HostFs and keeps what it reads under `folder`. Close it to end the recording."""

    def __init__(self, folder: Path, root: Path | str = "/") -> None:
        super().__init__(root)
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty", "record into a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = threading.Lock()
        self._last: dict[str, bytes | Missing] = {}
        self._start_ns = time.perf_counter_ns()
        self._journal = (folder / JOURNAL).open("w", encoding="utf-8")

    def on_read(self, name: str, result: bytes | Missing) -> None:
        """Keep a result when it differs from the last one of that name."""
        with self._lock:
            if self._last.get(name) == result:
                return
            if name not in self._last and isinstance(result, bytes):
                self._put(name, result)
            self._last[name] = result
            self._write({"name": name, **_encoded(result)})

    def glob(self, pattern: str) -> Iterator[str]:
        """As HostFs; what was found exists in the recording too, readable or not."""
        for name in super().glob(pattern):
            self._put(name, None)
            yield name

    def exists(self, name: str) -> bool:
        """As HostFs; what exists does so in the recording too."""
        found = super().exists(name)
        if found:
            self._put(name, None)
        return found

    def close(self) -> None:
        """Write the end."""
        with self._lock:
            self._write({"end": True})
            self._journal.close()

    def _write(self, event: Mapping[str, Any]) -> None:
        self._journal.write(json.dumps({"t_ns": time.perf_counter_ns() - self._start_ns, **event}) + "\n")

    def _put(self, name: str, content: bytes | None) -> None:
        """The file or folder in the recorded tree; `content` None only makes it exist."""
        place = self._place(name)
        if content is None and self.path(name).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif content is not None or not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content or b"")

    def _place(self, name: str) -> Path:
        """Where `name` really lies, below the recording's folder; links on the way are made there as they are here."""
        done: list[str] = []
        todo = [part for part in name.split("/") if part]
        links = 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            here = self.root.joinpath(*done, part)
            if not here.is_symlink() or links >= _MAX_LINKS:
                done.append(part)
                continue
            links += 1
            target = os.readlink(here)  # noqa: PTH115  (Path.readlink would drop a leading './')
            above = [] if target.startswith("/") else done
            _link(self.folder.joinpath(*done, part), target, len(done))
            done, todo = list(above), [*(each for each in target.split("/") if each not in {"", "."}), *todo]
        return self.folder.joinpath(*done)


def _link(place: Path, target: str, depth: int) -> None:
    """The same link within the recording; an absolute one is made relative to the recording's root."""
    if target.startswith("/"):
        target = "../" * depth + target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink() and not place.exists():
        place.symlink_to(target)


def _encoded(result: bytes | Missing) -> dict[str, str]:
    if isinstance(result, Missing):
        return {"missing": result.reason}
    try:
        return {"text": result.decode("utf-8")}
    except UnicodeDecodeError:
        return {"hex": result.hex()}
