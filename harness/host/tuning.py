"""Turn knobs for the time of a measurement, and always turn them back.

What stood in a file is written to a journal on disk before it is changed. The undo runs when the `with` block ends, by
whatever way, on SIGTERM and SIGHUP too; after a kill -9 or a power cut the next `tuned`, or `edgebench doctor
--restore`, finds the journal and undoes what it lists (after a reboot that writes what the kernel has anyway).
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from .checks import Change


@dataclass(frozen=True)
class AppliedChange:
    """One change: what the file held and what was wanted; `refused` says why it was not taken, '' when it was."""

    name: str
    before: str
    after: str
    refused: str = ""


def journal_path() -> Path:
    """Where changes not yet undone are listed: `$XDG_STATE_HOME/edgebench/tuned.json`, by default in ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "edgebench" / "tuned.json"


@contextmanager
def tuned(fs: HostFs, changes: Iterable[Change], journal: Path) -> Iterator[list[AppliedChange]]:
    """Apply the changes within a `with` block; what an earlier, killed one left behind is undone first."""
    restore(fs, journal)
    with _signals_unwind():
        try:
            yield apply(fs, changes, journal)
        finally:
            restore(fs, journal)


def apply(fs: HostFs, changes: Iterable[Change], journal: Path) -> list[AppliedChange]:
    """Write each change, its old value journalled before; a refusal (no rights, say) is reported, not raised."""
    applied: list[AppliedChange] = []
    for change in changes:
        before = fs.read(change.name)
        if isinstance(before, Missing):
            applied.append(AppliedChange(change.name, "", change.value, before.reason))
            continue
        _write_journal(journal, [*_read_journal(journal), Change(change.name, before)])
        refused = fs.write(change.name, change.value)
        applied.append(AppliedChange(change.name, before, change.value, refused.reason if refused else ""))
    return applied


def restore(fs: HostFs, journal: Path) -> list[AppliedChange]:
    """Put back all that the journal lists, last change first. What cannot be put back stays in the journal."""
    undone: list[AppliedChange] = []
    kept: list[Change] = []
    for change in reversed(_read_journal(journal)):
        now = fs.read(change.name)
        refused = fs.write(change.name, change.value) if now != change.value else None
        if refused:
            kept.insert(0, change)
        before = now if isinstance(now, str) else ""
        undone.append(AppliedChange(change.name, before, change.value, refused.reason if refused else ""))
    if kept:
        _write_journal(journal, kept)
    else:
        journal.unlink(missing_ok=True)
    return undone


def _read_journal(journal: Path) -> list[Change]:
    try:
        return [Change(str(name), str(value)) for name, value in json.loads(journal.read_text("utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"the journal of tuned settings cannot be read: {journal}: {error}",
            "reboot to get the kernel's own settings back, then delete the file",
        ) from error


def _write_journal(journal: Path, changes: list[Change]) -> None:
    """Whole or not at all: a new file, on disk before it takes the old one's name."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    new = journal.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump([(change.name, change.value) for change in changes], file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(journal)


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """SIGTERM and SIGHUP (a closed terminal) would end the process without `finally`; here they unwind the stack.

    Signals reach the main thread alone: in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
