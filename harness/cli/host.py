"""`edgebench host`: what machine this is, and recording it to be replayed elsewhere with --host-root."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

from harness.core.errors import EXIT_OK, UsageError

from ._options import host_of

HELP = "show this machine, or record it for --host-root"
GROUP = "boards"
EXAMPLE = "edgebench host show"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="identity, as JSON", description="This machine's identity, as JSON.")
    show.set_defaults(act=_show)
    record = actions.add_parser("record", help="record", description="Keep every file that detection, checks and "
                                "sensors read, with the time, as a tree for --host-root.")  # fmt: skip
    record.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    record.add_argument("--seconds", type=float, default=30.0, help="how long the sensors are sampled (default: 30)")
    record.set_defaults(act=_record)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    code: int = arguments.act(arguments)
    return code


def _show(arguments: argparse.Namespace) -> int:
    from harness.host.identity import identity

    print(json.dumps(dataclasses.asdict(identity(host_of(arguments))), indent=2))
    return EXIT_OK


def _record(arguments: argparse.Namespace) -> int:
    import targets
    from harness.host.checks import inspect_all
    from harness.host.identity import identity
    from harness.host.recording import RecordingFs
    from harness.host.replay import ReplayFs
    from harness.sensors import open_sensors
    from harness.sensors.sampler import Sampler

    host = host_of(arguments)
    if isinstance(host, ReplayFs):
        raise UsageError(f"{host.root} is a recording already", "copy the folder")
    fs = RecordingFs(arguments.folder, host.root)
    sensors = open_sensors(fs)
    try:
        found = targets.detect(fs)
        identity(fs)
        inspect_all(fs)
        sampler = Sampler(sensors, separate_process=False).start()  # a forked process would write a journal of its own
        time.sleep(arguments.seconds)
        sampler.stop()
    finally:
        for sensor in sensors:
            sensor.close()
        fs.close()
    print(f"{found.target.title} recorded in {arguments.folder}")
    print(f"replay it: edgebench --host-root {arguments.folder} sensors")
    return EXIT_OK
