"""An index of runs: the heading of each is read once, and again only when what it was read from has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Read = TypeVar("Read")


@dataclass
class Index(Generic[Key, Read]):
    """What was read of each run, by the run's key, with the stamp of what it was read from.

    Attributes:
        read: Reads a run; None where it cannot be read, which is tried again once the stamp has changed.
    """

    read: Callable[[Key], Read | None]
    _known: dict[Key, tuple[Hashable, Read | None]] = field(default_factory=dict)
    _order: tuple[Key, ...] = ()
    _listed: tuple[Read, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def listed(self, found: Iterable[tuple[Key, Hashable]]) -> tuple[Read, ...]:
        """Return what is read of these runs, each with its stamp; the same tuple as before if nothing has changed."""
        with self._lock:
            runs = list(found)
            known = {key: self._current(key, stamp) for key, stamp in runs}
            order = tuple(key for key, _ in runs)
            changed = order != self._order or any(known[key] is not self._known.get(key) for key in order)
            if changed:
                self._listed = tuple(read for key in order if (read := known[key][1]) is not None)
            self._known, self._order = known, order
            return self._listed

    def _current(self, key: Key, stamp: Hashable) -> tuple[Hashable, Read | None]:
        before = self._known.get(key)
        return before if before is not None and before[0] == stamp else (stamp, self.read(key))
