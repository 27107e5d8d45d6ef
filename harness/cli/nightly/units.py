"""The texts of a systemd service and timer, with systemd's own quoting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError

_SERVICE = """\
[Unit]
Description=edgebench nightly {title}
Documentation=https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html
# many boards have no battery for the clock: not before a server told the time
Wants=time-sync.target
After=time-sync.target

[Service]
Type=oneshot
WorkingDirectory={folder}
ExecStart={command}
# 10 (inconclusive) and 11 (environment changed) are findings, not failures of the service
SuccessExitStatus=10 11
Nice=0
"""
_TIMER = """\
[Unit]
Description=edgebench nightly {title}, every night
Wants=time-sync.target
After=time-sync.target

[Timer]
OnCalendar=*-*-* {at}:00
# a board that was off at that time catches up
Persistent=true

[Install]
WantedBy=timers.target
"""
_PLAIN = re.compile(r"[\w./:=,+@%$|-]+", re.ASCII)


def service(title: str, folder: Path, command: Sequence[str]) -> str:
    """Return the text of the service.

    Args:
        title: What is measured.
        folder: The folder that it runs in.
        command: Its words, the first of which is the path of the program.
    """
    program, *arguments = command
    # no variable is replaced in the path of the program
    line = " ".join([_quoted(program), *(_quoted(word).replace("$", "$$") for word in arguments)])
    return _SERVICE.format(title=_plain(title), folder=_plain(str(folder)), command=line)


def timer(title: str, at: str) -> str:
    """Return the text of the timer, which starts the service at a local time, 'HH:MM'."""
    return _TIMER.format(title=_plain(title), at=at)


def _plain(text: str) -> str:
    """Return a text as the whole value of a setting.

    Raises:
        UsageError: It has a line break, which would begin another setting.
    """
    if "\n" in text or "\r" in text:
        raise UsageError(f"a line break in {text!r}", "systemd reads a setting a line: use a name without one")
    return _utf8(text).replace("%", "%%")


def _quoted(word: str) -> str:
    """Return a word of a command line: % begins a specifier, a backslash an escape, and white space ends a word."""
    safe = _utf8(word).replace("%", "%%").replace("\\", "\\\\")
    for char, escape in (('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        safe = safe.replace(char, escape)
    return safe if _PLAIN.fullmatch(word) else f'"{safe}"'


def _utf8(text: str) -> str:
    """Return the text.

    Raises:
        UsageError: It has a byte that is no UTF-8, such as a file name of another system.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{text!r} is not UTF-8", "systemd reads nothing else: rename the file") from None
    return text
