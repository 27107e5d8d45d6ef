"""`edgebench host`: show this machine, or record it to be replayed elsewhere with --host-root."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

from harness.core.errors import EXIT_OK, UsageError

from ._options import host_of, positive_number
from ._parser import CommandParser, add_action

HELP = "show this machine, or record it for --host-root"
GROUP = "boards"
EXAMPLE = "edgebench host show"


def add_arguments(parser: CommandParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_action(actions, "show", _show, "print this machine's identity as JSON")
    record = add_action(
        *(actions, "record", _record, "record this machine for --host-root"),
        description="Copy all files that detection, checks and sensors read into a folder for --host-root.",
    )
    record.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    record.add_argument(
        "--seconds", type=positive_number, default=30.0, metavar="N", help="sample the sensors for N s (default: 30)"
    )


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
        detection = targets.detect(fs)
        identity(fs)
        inspect_all(fs, detection.target)
        sampler = Sampler(sensors, separate_process=False).start()  # a forked process would write a journal of its own
        time.sleep(arguments.seconds)
        sampler.stop()
    finally:
        for sensor in sensors:
            sensor.close()
        fs.close()
    print(f"{detection.target.title} recorded in {arguments.folder}")
    print(f"replay it: edgebench --host-root {arguments.folder} sensors")
    return EXIT_OK
