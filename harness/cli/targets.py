"""`edgebench targets`: the known boards, and which one this machine is."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from harness.core.errors import EXIT_OK, EXIT_USAGE, DescriptorError, UsageError

from ._options import folders_of, host_of
from ._parser import CommandParser, add_action

HELP = "list boards, show one, or detect this one"
GROUP = "boards"
EXAMPLE = "edgebench targets detect"


def add_arguments(parser: CommandParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, action, words in (
        ("list", _list, "list the names and titles of all descriptors"),
        ("show", _show, "print one descriptor"),
        ("detect", _detect, "name the board this machine is, with the evidence and what is unknown"),
        ("check", _check, "validate all descriptors, or the given ones"),
        ("schema", _schema, "print the JSON Schema of a descriptor, for editors"),
    ):
        sub = add_action(actions, name, action, words)
        if name != "schema":
            sub.add_argument("--json", action="store_true", help="print JSON")
        if name == "show":
            sub.add_argument("name", help="such as raspberry-pi-5, or raspberry-pi-5+coral-usb")
        if name == "check":
            sub.add_argument(
                "files", nargs="*", type=Path, metavar="NAME|FILE", help="names, or descriptor files (.toml)"
            )


def _list(arguments: argparse.Namespace) -> int:
    import targets

    folders = folders_of(arguments)
    descriptors = [targets.load(name, folders) for name in targets.names(folders)]
    if arguments.json:
        _print([{"name": target.name, "title": target.title, "kind": target.kind} for target in descriptors])
        return EXIT_OK
    for target in descriptors:
        print(f"{target.name:<22} {target.kind:<12} {target.title}")
    return EXIT_OK


def _show(arguments: argparse.Namespace) -> int:
    import targets

    target = targets.load(arguments.name, folders_of(arguments))
    document = dataclasses.asdict(target)
    if arguments.json:
        _print(document)
    else:
        print("\n".join(_lines(document)))
    return EXIT_OK


def _detect(arguments: argparse.Namespace) -> int:
    import targets

    detection = targets.detect(host_of(arguments), folders_of(arguments))
    if arguments.json:
        target = dataclasses.asdict(detection.target)
        head = {key: target[key] for key in ("name", "title", "kind")}
        _print({**head, "evidence": detection.evidence, "could_not_tell": detection.unknown, "target": target})
        return EXIT_OK
    print(f"{detection.target.name}: {detection.target.title}")
    print("\n".join(f"  because  {evidence}" for evidence in detection.evidence))
    print("\n".join(f"  unknown  {question}" for question in detection.unknown))
    return EXIT_OK


def _check(arguments: argparse.Namespace) -> int:
    import targets

    folders = folders_of(arguments)
    given = dict(map(_name_and_folder, arguments.files))
    problems: dict[str, str] = {}
    for name in given or targets.names(folders):
        try:
            targets.load(name, [*given.get(name, []), *folders])
            problems[name] = ""
        except DescriptorError as error:
            problems[name] = str(error)
    if arguments.json:
        _print([{"name": name, "valid": not problem, "problem": problem} for name, problem in problems.items()])
    else:
        print("\n".join(f"{name}: {problem or 'ok'}" for name, problem in problems.items()))
    return EXIT_USAGE if any(problems.values()) else EXIT_OK


def _name_and_folder(given: Path) -> tuple[str, list[Path]]:
    """Return a descriptor's name, and the folder of its file if a file was given."""
    if given.suffix != ".toml" and given.name == str(given):
        return str(given), []
    if given.suffix != ".toml" or not given.is_file():
        raise UsageError(f"no descriptor file: {given}", "a descriptor is a file NAME.toml")
    return given.stem, [given.parent]


def _schema(arguments: argparse.Namespace) -> int:
    import targets

    _print(targets.schema())
    return EXIT_OK


def _print(document: Any) -> None:
    print(json.dumps(document, indent=2))


def _lines(value: Any, name: str = "") -> list[str]:
    """Return a nested document as 'a.b.c  value' lines, without empty values."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _lines(item, f"{name}.{key}" if name else key)]
    if isinstance(value, tuple) and value and isinstance(value[0], dict):
        return [line for index, item in enumerate(value) for line in _lines(item, f"{name}[{index}]")]
    if value in (None, "", ()):
        return []
    return [f"{name:<40} {', '.join(map(str, value)) if isinstance(value, tuple) else value}"]
