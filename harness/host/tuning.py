"""Change kernel settings for the time of a measurement, and always restore them.

The old content of a file is written to a journal on disk before the file is changed. Changes are undone when the `with`
block ends, also by an exception, SIGTERM or SIGHUP. After a kill -9 or a power cut, the next `tuned`, or `edgebench
doctor --restore`, finds the journal and undoes what it lists; after a reboot that writes the values of the kernel.
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
from harness.core.files import state_dir
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from .checks import Change


@dataclass(frozen=True)
class AppliedChange:
    """A change that was tried.

    Attributes:
        name: Name of the file.
        before: Content of the file before, '' where it could not be read.
        after: Value that was written.
        refused: Why the value was not accepted, '' when it was.
    """

    name: str
    before: str
    after: str
    refused: str = ""


def journal_path() -> Path:
    """Return the path of the journal of settings."""
    return state_dir() / "tuned.json"


@contextmanager
def tuned(fs: HostFs, changes: Iterable[Change], journal: Path) -> Iterator[list[AppliedChange]]:
    """Apply the changes within a `with` block; first undo those of an earlier process that was killed."""
    restore(fs, journal)
    with _signals_unwind():
        try:
            yield apply(fs, changes, journal)
        finally:
            restore(fs, journal)


def apply(fs: HostFs, changes: Iterable[Change], journal: Path) -> list[AppliedChange]:
    """Write the changes, each after its old value is in the journal.

    A change that is refused, for lack of rights for instance, is reported in the result, not raised.
    """
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
    """Restore every value that the journal lists, last change first; what cannot be restored stays in the journal."""
    undone: list[AppliedChange] = []
    remaining: list[Change] = []
    for change in reversed(_read_journal(journal)):
        now = fs.read(change.name)
        refused = fs.write(change.name, change.value) if now != change.value else None
        if refused:
            remaining.insert(0, change)
        before = now if isinstance(now, str) else ""
        undone.append(AppliedChange(change.name, before, change.value, refused.reason if refused else ""))
    if remaining:
        _write_journal(journal, remaining)
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
            "reboot to restore the kernel's own settings, then delete the file",
        ) from error


def _write_journal(journal: Path, changes: list[Change]) -> None:
    """Replace the journal atomically: the new file is on disk before it takes the old one's name."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    new = journal.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump([(change.name, change.value) for change in changes], file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(journal)


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """Make SIGTERM and SIGHUP (a closed terminal) raise SystemExit, since by default they skip `finally`.

    Under the command they raise an interrupt already, and stay as they are. Signal handlers run in the main thread
    only: in another thread nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ending = (signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, _exit) for n in ending if signal.getsignal(n) is signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
