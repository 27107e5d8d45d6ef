"""Record every file a run reads, with the time, and replay it as a virtual board.

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
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing

JOURNAL = "recording.jsonl"
_MAX_LINKS = 40  # as the kernel: more is a loop


def open_host(root: Path | None) -> HostFs:
    """The live machine for None; else the recorded or hand-made tree at `root`. UsageError when there is none."""
    if root is None:
        return HostFs()
    if not root.is_dir():
        raise UsageError(f"no folder to read a machine from: {root}", "record one: edgebench host record DIR")
    return ReplayFs(root) if (root / JOURNAL).exists() else HostFs(root)


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

    def note(self, name: str, result: bytes | Missing) -> None:
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


@dataclass
class _Timeline:
    """What one file held from which time on."""

    t_ns: list[int] = field(default_factory=list)
    held: list[bytes | Missing] = field(default_factory=list)

    def at(self, t_ns: int) -> bytes | Missing:
        """The content at that time; before the first event already the first."""
        return self.held[max(0, bisect_right(self.t_ns, t_ns) - 1)]


class ReplayFs(HostFs):
    """A recording that plays from the moment this object is made.

    After its end a file that changed during the recording is Missing, unless the recording loops.
    """

    def __init__(self, root: Path | str, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        super().__init__(root)
        self._clock = clock
        self._start_ns = clock()
        self._timelines: dict[str, _Timeline] = {}
        self._duration_ns = 0
        self._loop = False
        self._counters: dict[str, int] = {}
        for number, line in enumerate((self.root / JOURNAL).read_text("utf-8", "replace").splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{self.root / JOURNAL}, line {number} is damaged: {error!r}", "record it again"
                ) from None

    def open(self, name: str) -> OpenFile:
        """Nothing stays open: the recording is in memory."""
        return _Replayed(self, name)

    def _take(self, event: Mapping[str, Any]) -> None:
        self._duration_ns = int(event["t_ns"])
        if event.get("end"):
            self._loop = bool(event.get("loop", False))
            self._counters = {str(name): int(wrap) for name, wrap in event.get("counters", {}).items()}
            return
        timeline = self._timelines.setdefault(event["name"], _Timeline())
        timeline.t_ns.append(self._duration_ns)
        timeline.held.append(_decoded(event))

    def _read_once(self, name: str, size: int) -> bytes | Missing:
        timeline = self._timelines.get(name)
        if timeline is None:
            return super()._read_once(name, size)
        rounds, t_ns = 0, self._clock() - self._start_ns
        if t_ns > self._duration_ns and len(timeline.held) > 1:
            if not self._loop:
                return Missing(f"unavailable: the recording ended after {self._duration_ns / 1e9:.1f} s: {name}")
            rounds, t_ns = divmod(t_ns, self._duration_ns)
        held = timeline.at(t_ns)
        return self._counted_on(name, timeline, held, rounds) if rounds and name in self._counters else held

    def _counted_on(self, name: str, timeline: _Timeline, held: bytes | Missing, rounds: int) -> bytes | Missing:
        """A counter in a later round of a loop: what it gained in each round before is added, modulo its wrap."""
        wrap = self._counters[name]
        ends = [timeline.held[0], timeline.held[-1], held]
        if any(isinstance(each, Missing) for each in ends):
            return held
        first, last, now = (int(each) for each in ends if not isinstance(each, Missing))
        return str((now + rounds * ((last - first) % wrap)) % wrap).encode()


class _Replayed(OpenFile):
    def __init__(self, fs: ReplayFs, name: str) -> None:
        super().__init__(fs, name)
        self._replay = fs

    def read_bytes(self, size: int = 4096) -> bytes | Missing:
        """What the recording holds at this time."""
        return self._replay.read_bytes(self.name, size)


def _encoded(result: bytes | Missing) -> dict[str, str]:
    if isinstance(result, Missing):
        return {"missing": result.reason}
    try:
        return {"text": result.decode("utf-8")}
    except UnicodeDecodeError:
        return {"hex": result.hex()}


def _decoded(event: Mapping[str, Any]) -> bytes | Missing:
    if "missing" in event:
        return Missing(event["missing"])
    return event["text"].encode() if "text" in event else bytes.fromhex(event["hex"])
