"""The texts of a systemd service and timer, with systemd's own quoting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.secrets import has_secret, masked_word

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
{environment}ExecStart={command}
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
_REMEDY = "only a store's password can be kept, in a file of its own: leave this one out, or use ~/.pgpass"
_PLAIN = re.compile(r"[\w./:=,+@%$|-]+", re.ASCII)


def service(title: str, folder: Path, command: Sequence[str], environment: Path | None = None) -> str:
    """Return the text of the service.

    Args:
        title: What is measured.
        folder: The folder that it runs in.
        command: Its words, the first of which is the path of the program.
        environment: File of `environment_file` that it reads, if any.

    Raises:
        UsageError: A value cannot stand in a unit file: it has a line break or another control character, or a byte
            that is no UTF-8; or a password, since everyone may read unit files.
    """
    program, *arguments = command
    if any(map(has_secret, command)):
        raise UsageError("a unit file would hold a password, and everyone may read it", _REMEDY)
    # no variable is replaced in the path of the program
    line = " ".join([_quoted(program), *(_quoted(word).replace("$", "$$") for word in arguments)])
    read = f"EnvironmentFile={_plain(str(environment))}\n" if environment else ""
    return _SERVICE.format(title=_plain(title), folder=_plain(str(folder)), environment=read, command=line)


def environment_file(variables: Mapping[str, str]) -> str:
    """Return the text of a file of variables; systemd replaces neither % nor $ in it.

    Raises:
        UsageError: A value has a line break or another control character, or a byte that is no UTF-8.
    """
    escaped = {name: re.sub(r'(["\\`$])', r"\\\1", _checked(value)) for name, value in variables.items()}
    return "".join(f'{name}="{value}"\n' for name, value in escaped.items())


def timer(title: str, at: str) -> str:
    """Return the text of the timer, which starts the service at a local time, 'HH:MM'."""
    return _TIMER.format(title=_plain(title), at=at)


def _plain(text: str) -> str:
    """Return a text as the whole value of a setting: % begins a specifier; a backslash at its end joins two lines."""
    if text != text.strip() or text.endswith("\\"):
        raise UsageError(
            f"{text!r} begins or ends with white space, or ends with a backslash",
            "systemd would read another value: use another name",
        )
    return _checked(text).replace("%", "%%")


def _quoted(word: str) -> str:
    """Return a word of a command line: % begins a specifier, a backslash an escape, and white space ends a word."""
    safe = _checked(word).replace("%", "%%")
    return safe if _PLAIN.fullmatch(word) else '"' + re.sub(r'([\\"])', r"\\\1", safe).replace("\t", "\\t") + '"'


def _checked(text: str) -> str:
    """Return the text.

    Raises:
        UsageError: It has a line break or another control character, or a byte that is no UTF-8.
    """
    shown = masked_word(text)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", text):
        raise UsageError(
            f"a line break or another control character in {shown!r}", "systemd reads a setting a line: leave it out"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{shown!r} is not UTF-8", "systemd reads nothing else: rename the file") from None
    return text
