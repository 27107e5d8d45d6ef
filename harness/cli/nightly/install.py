"""`edgebench nightly install`: install a systemd service and timer that carry out a request every night."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.cli import run as run_command
from harness.cli._given import Given, absolute_store, given
from harness.cli._options import config_of
from harness.core.errors import EXIT_OK, UsageError
from harness.core.files import base_folder, write_private
from harness.core.scratch import scratch_folder
from harness.core.secrets import has_secret

from . import measure, units

_REFUSED = {
    "out": "every night needs a run folder of its own: without --out it is runs/<time>-<suite>",
    "resume": "a night begins anew; resume an interrupted one by hand: edgebench nightly run --resume --out DIR",
}
"""Options of `nightly run` that no timer can repeat, and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `install`: those of `nightly run`, which the timer repeats, and its own."""
    measure.add_arguments(parser)
    group = parser.add_argument_group("timer")
    group.add_argument("--user", action="store_true", help="install for this user (default: for the system, as root)")
    group.add_argument("--at", default="02:30", metavar="HH:MM", help="local time (default: 02:30)")


def run(arguments: argparse.Namespace) -> int:
    """Write both units, have systemd check them, and start the timer, or print the command that starts it.

    Raises:
        UsageError: The request cannot be carried out or not be repeated, `--at` is not a time of day, systemd refuses
            the units, or their folder cannot be written.
    """
    from harness.store.database.location import VARIABLE, default_file

    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", arguments.at):
        raise UsageError(f"'{arguments.at}' is not a time of day", "write one such as 02:30")
    request = _request(given(arguments.words, add_arguments))
    store = absolute_store(arguments.store or os.environ.get(VARIABLE) or str(default_file()))
    suite = run_command.planned(config_of(arguments)).suite  # what no night could measure is refused today
    name = "edgebench-nightly-" + re.sub(r"[^A-Za-z0-9_.-]", "_", suite)
    folder = _unit_folder(arguments.user)
    environment = folder / f"{name}.env" if has_secret(store) else None
    request += [] if environment else ["--store", store]
    texts = {
        f"{name}.service": units.service(suite, Path.cwd(), [*_program(), "nightly", "run", *request], environment),
        f"{name}.timer": units.timer(suite, arguments.at),
    }
    secret = units.environment_file({VARIABLE: store}) if environment else ""
    _verify(texts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if environment:
            write_private(environment, secret.encode())
            print(f"wrote {environment}, which only its owner can read")
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
            print(f"wrote {folder / file}")
    except PermissionError as error:
        raise UsageError(f"{folder} cannot be written", "use sudo, or --user for your own account") from error
    _start(f"{name}.timer", arguments.user)
    return EXIT_OK


def _request(options: list[Given]) -> list[str]:
    """Return the words of the request behind `nightly run`, without its store, which mean the same in any shell.

    Raises:
        UsageError: No timer can repeat one of the options.
    """
    names = {option.name for option in options}
    for name in _REFUSED.keys() & names:
        raise UsageError(f"--{name} cannot be repeated every night", _REFUSED[name])
    suite = [] if {"suite", "model"} & names else ["quick"]
    own = [word for option in options if option.name not in {"user", "at", "store"} for word in option.words]
    return [*suite, *own]


def _verify(texts: Mapping[str, str]) -> None:
    """Have systemd check the units, where it is installed.

    Raises:
        UsageError: It refuses one.
    """
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    with scratch_folder() as folder:
        files = [folder / name for name in texts]
        for file in files:
            file.write_text(texts[file.name], encoding="utf-8")
        done = subprocess.run([analyze, "verify", *map(str, files)], check=False, capture_output=True, text=True)
    # it checks what the units refer to as well, which is not ours to judge
    complaints = [line for line in done.stderr.splitlines() if any(file.name in line for file in files)]
    if done.returncode and complaints:
        raise UsageError(f"systemd refuses the units: {complaints[0]}", "nothing was installed; change what it names")


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
    print("to start it only when the clock is right: sudo systemctl enable systemd-time-wait-sync.service")
    if user:
        print("to run it while you are not logged in: sudo loginctl enable-linger $USER")


def _unit_folder(user: bool) -> Path:
    if not user:
        return Path("/etc/systemd/system")
    return base_folder("XDG_CONFIG_HOME", ".config") / "systemd" / "user"


def _program() -> list[str]:
    """Return the words that start the command of this environment; systemd needs an absolute path."""
    beside = Path(sys.executable).with_name("edgebench")
    found = str(beside) if beside.exists() else shutil.which("edgebench")
    return [str(Path(found).absolute())] if found else [sys.executable, "-m", "edgebench"]
