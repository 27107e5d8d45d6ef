"""`edgebench nightly install`: install a systemd service and timer that run a suite every night."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from harness.cli._store import add_store_option
from harness.core.errors import EXIT_OK, UsageError
from harness.core.files import base_folder

_SERVICE = """\
[Unit]
Description=edgebench nightly {suite}
Documentation=https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html

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
Description=edgebench nightly {suite}, every night

[Timer]
OnCalendar=*-*-* {at}:00
# a board that was off at that time catches up
Persistent=true

[Install]
WantedBy=timers.target
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `install`."""
    parser.add_argument("suite", nargs="?", default="quick", help="suite to run (default: quick)")
    parser.add_argument("--user", action="store_true", help="install for this user (default: for the system, as root)")
    parser.add_argument("--at", default="02:30", metavar="HH:MM", help="local time (default: 02:30)")
    add_store_option(parser, "store of the nights (default: $EDGEBENCH_STORE, or your own)")


def run(arguments: argparse.Namespace) -> int:
    """Write both units and start the timer, or print the command that starts it.

    Raises:
        UsageError: `--at` is not a time of day, or the folder of the units cannot be written.
    """
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", arguments.at):
        raise UsageError(f"'{arguments.at}' is not a time of day", "write one such as 02:30")
    folder = _unit_folder(arguments.user)
    name = "edgebench-nightly-" + re.sub(r"[^A-Za-z0-9_.-]", "_", Path(arguments.suite).stem)
    store = ["--store", arguments.store] if arguments.store else []
    command = shlex.join([_program(), "nightly", "run", arguments.suite, *store])
    texts = {
        "service": _SERVICE.format(suite=arguments.suite, folder=_escaped(Path.cwd()), command=command),
        "timer": _TIMER.format(suite=arguments.suite, at=arguments.at),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, text in texts.items():
            (folder / f"{name}.{kind}").write_text(text, encoding="utf-8")
            print(f"wrote {folder / name}.{kind}")
    except PermissionError as error:
        raise UsageError(f"{folder} cannot be written", "use sudo, or --user for your own account") from error
    _start(f"{name}.timer", arguments.user)
    return EXIT_OK


def _start(timer: str, user: bool) -> None:
    """Start the timer if systemd runs here; otherwise print how."""
    scope = ["--user"] if user else []
    start = [*scope, "enable", "--now", timer]
    systemctl = shutil.which("systemctl")
    done = [subprocess.run([systemctl, *command], check=False, capture_output=True).returncode == 0
            for command in ([*scope, "daemon-reload"], start)] if systemctl else [False]  # fmt: skip
    if all(done):
        print(f"started; next: systemctl {shlex.join([*scope, 'list-timers', timer])}")
    else:
        print(f"systemd is not running here; start it with: systemctl {shlex.join(start)}")
    if user:
        print("to run it while you are not logged in: sudo loginctl enable-linger $USER")


def _unit_folder(user: bool) -> Path:
    if not user:
        return Path("/etc/systemd/system")
    return base_folder("XDG_CONFIG_HOME", ".config") / "systemd" / "user"


def _program() -> str:
    """Return the installed command of this environment."""
    beside = Path(sys.executable).with_name("edgebench")
    return str(beside if beside.exists() else shutil.which("edgebench") or "edgebench")


def _escaped(path: Path) -> str:
    """Return a path as written in a unit file, where % begins a specifier."""
    return str(path).replace("%", "%%")
