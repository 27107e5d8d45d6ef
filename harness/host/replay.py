"""Replay a recording (see `harness.host.recording`) as a virtual board."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing

from .recording import JOURNAL


def open_host(root: Path | None) -> HostFs:
    """Return the machine to read from.

    Args:
        root: Folder of a recorded or hand-made tree; None for the live machine.

    Raises:
        UsageError: There is no such folder, or its recording is damaged.
    """
    if root is None:
        return HostFs()
    if not root.is_dir():
        raise UsageError(f"no folder to read a machine from: {root}", "record one: edgebench host record DIR")
    return ReplayFs(root) if (root / JOURNAL).exists() else HostFs(root)


@dataclass
class _Timeline:
    """The contents of one file, each with the time from which the file had it."""

    t_ns: list[int] = field(default_factory=list)
    contents: list[bytes | Missing] = field(default_factory=list)

    def at(self, t_ns: int) -> bytes | Missing:
        """Return the content at that time; before the first event, the first content."""
        return self.contents[max(0, bisect_right(self.t_ns, t_ns) - 1)]


class ReplayFs(HostFs):
    """A recording that plays from the moment this object is created.

    After its end a file that changed during the recording is Missing, unless the recording loops.

    Args:
        root: Folder of the recording.
        clock: Returns the time in nanoseconds.

    Raises:
        UsageError: A line of the recording is damaged.
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
                self._add(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise UsageError(
                    f"{self.root / JOURNAL}, line {number} is damaged: {error!r}", "record it again"
                ) from None

    def open(self, name: str) -> OpenFile:
        """Return the file for repeated reading; nothing stays open, since the recording is in memory."""
        return _ReplayedFile(self, name)

    def _add(self, event: Mapping[str, Any]) -> None:
        self._duration_ns = int(event["t_ns"])
        if event.get("end"):
            self._loop = bool(event.get("loop", False))
            self._counters = {str(name): int(wrap) for name, wrap in event.get("counters", {}).items()}
            return
        timeline = self._timelines.setdefault(event["name"], _Timeline())
        timeline.t_ns.append(self._duration_ns)
        timeline.contents.append(_decoded(event))

    def _read_once(self, name: str, size: int) -> bytes | Missing:
        timeline = self._timelines.get(name)
        if timeline is None:
            return super()._read_once(name, size)
        rounds, t_ns = 0, self._clock() - self._start_ns
        if t_ns > self._duration_ns and len(timeline.contents) > 1:
            if not self._loop:
                return Missing(f"unavailable: the recording ended after {self._duration_ns / 1e9:.1f} s: {name}")
            rounds, t_ns = divmod(t_ns, self._duration_ns)
        content = timeline.at(t_ns)
        return self._continued(name, timeline, content, rounds) if rounds and name in self._counters else content

    def _continued(self, name: str, timeline: _Timeline, content: bytes | Missing, rounds: int) -> bytes | Missing:
        """Return a counter in a later round of a loop: add what it gained in each earlier round, modulo its wrap."""
        wrap = self._counters[name]
        counts = [timeline.contents[0], timeline.contents[-1], content]
        if any(isinstance(count, Missing) for count in counts):
            return content
        first, last, now = (int(count) for count in counts if not isinstance(count, Missing))
        return str((now + rounds * ((last - first) % wrap)) % wrap).encode()


class _ReplayedFile(OpenFile):
    def __init__(self, fs: ReplayFs, name: str) -> None:
        super().__init__(fs, name)
        self._replay = fs

    def read_bytes(self, size: int = 4096) -> bytes | Missing:
        """Return the content at this time of the recording."""
        return self._replay.read_bytes(self.name, size)


def _decoded(event: Mapping[str, Any]) -> bytes | Missing:
    if "missing" in event:
        return Missing(event["missing"])
    return event["text"].encode() if "text" in event else bytes.fromhex(event["hex"])
