"""The message and exit code of a command that ends with an exception: what happened, where, what to do."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

from harness.core import optional
from harness.core.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, EdgebenchError, describe_error
from harness.core.files import DISK_FULL
from harness.core.secrets import masked

_OWN = ("harness", "reports", "suites", "targets", "edgebench")
_REMEDIES: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "check the path"),
    (PermissionError, "choose another path, or change its permissions (see ls -l)"),
    (IsADirectoryError, "give a file"),
    (NotADirectoryError, "give a folder"),
    (ConnectionError, "check the network and try again"),
    (TimeoutError, "check the network and try again"),
)
_REMEDIES_BY_NUMBER = {
    **dict.fromkeys(DISK_FULL, "free some space, or write to another disk"),
    errno.EROFS: "write to another disk",
    errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
}
_DEBUG = "run again with --debug for the traceback"


def end(error: BaseException, debug: bool, command: str = "edgebench") -> int:
    """Print why the command ended to standard error; return the exit code.

    Args:
        error: What ended it.
        debug: Whether to print the traceback as well.
        command: The words of the command, which needs a package where one is missing.
    """
    if isinstance(error, BrokenPipeError) and reader_left():  # edgebench table RUN | head
        return EXIT_OK
    if debug:
        print(masked("".join(traceback.format_exception(error))), end="", file=sys.stderr)
    text, code = explained(optional.explained(error, command) or error)
    print(f"edgebench: {masked(text)}", file=sys.stderr)
    return code


def explained(error: BaseException) -> tuple[str, int]:
    """Return what to print about an exception, and the exit code."""
    if isinstance(error, EdgebenchError):
        return str(error) or _bug(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted", EXIT_INTERRUPTED
    if isinstance(error, MemoryError):
        return f"out of memory{_at(error)}\n  close other programs, or measure less: fewer images, one run", EXIT_USAGE
    if isinstance(error, OSError):
        return _of_system(error)
    return _bug(error), EXIT_BUG


def _of_system(error: OSError) -> tuple[str, int]:
    """Return the message of an error of the system or network; an OSError with neither errno nor reason is a bug."""
    reason = getattr(error, "reason", None)  # of urllib.error.URLError
    if reason is not None:
        url = getattr(error, "url", "")
        code = f"HTTP {error.code} " if hasattr(error, "code") else ""  # of urllib.error.HTTPError
        what = describe_error(reason) if isinstance(reason, BaseException) else str(reason)
        return f"{url or 'the network'}: {code}{what}\n  check the address and the network, and try again", EXIT_USAGE
    if error.errno is None:
        return _bug(error), EXIT_BUG
    what = error.strerror or os.strerror(error.errno)
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))]
    names = names or [*_written_file(error)][:1]
    remedy = _REMEDIES_BY_NUMBER.get(error.errno) or next(
        (text for kind, text in _REMEDIES if isinstance(error, kind)), _DEBUG
    )
    return f"{f'{what}: ' + ' -> '.join(names) if names else what + _at(error)}\n  {remedy}", EXIT_USAGE


def _written_file(error: OSError) -> Iterator[str]:
    """Yield the names of files that the code which failed had open, innermost first: a write names no file."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        for value in frame.f_locals.values():
            name = getattr(value, "name", None) if isinstance(value, io.IOBase) else None
            if error.errno in DISK_FULL and isinstance(name, (str, os.PathLike)):
                yield os.fspath(name)


def _bug(error: BaseException) -> str:
    culprit = next((origin for _, origin in _own_frames(error) if origin), "edgebench")
    blame = f"this is a bug of {culprit}: {_DEBUG}, and report it there"
    return f"unexpected {describe_error(error)}{_at(error)}\n  {blame}"


def _at(error: BaseException) -> str:
    """Return where it happened: the innermost frame in our code or a plug-in's."""
    place = next((place for place, _ in _own_frames(error)), "")
    return f"\n  at {place}" if place else ""


def _own_frames(error: BaseException) -> Iterator[tuple[str, str]]:
    """Yield location and plug-in package ('' for ours) of each frame in our code or a plug-in's, innermost first."""
    plugins = sys.modules.get("harness.core.plugins")
    outside: dict[str, str] = plugins.outside_packages() if plugins else {}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = _module(frame).partition(".")[0]
        if package in _OWN or package in outside:
            yield f"{_module(frame)}, line {line}, in {frame.f_code.co_name}", outside.get(package, "")


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def reader_left() -> bool:
    """Return whether the reader of our output is gone, rather than that of another pipe; later output goes nowhere."""
    if not _has_no_reader():
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _has_no_reader() -> bool:
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # not a file: replaced by a test or a notebook
        return False
    return any(event & select.POLLERR for _, event in poll.poll(0))
