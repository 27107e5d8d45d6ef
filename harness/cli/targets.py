"""`edgebench targets`: the boards known, and which one this is."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from harness.core.errors import EXIT_OK, EXIT_USAGE, DescriptorError, UsageError

from ._options import folders_of, host_of

HELP = "list boards, show one, or detect this one"
GROUP = "boards"
EXAMPLE = "edgebench targets detect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, action, words in (
        ("list", _list, "names and titles of all descriptors"),
        ("show", _show, "one descriptor, whole"),
        ("detect", _detect, "which board this is, the evidence, and what could not be told"),
        ("check", _check, "check every descriptor that is found, or the given ones"),
        ("schema", _schema, "print the JSON Schema of a descriptor, for editors"),
    ):
        sub = actions.add_parser(name, help=words, description=words)
        sub.set_defaults(act=action)
        if name != "schema":
            sub.add_argument("--json", action="store_true", help="print JSON")
        if name == "show":
            sub.add_argument("name", help="such as raspberry-pi-5, or raspberry-pi-5+coral-usb")
        if name == "check":
            sub.add_argument(
                "files", nargs="*", type=Path, metavar="NAME|FILE", help="names, or descriptor files (.toml)"
            )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    code: int = arguments.act(arguments)
    return code


def _list(arguments: argparse.Namespace) -> int:
    import targets

    folders = folders_of(arguments)
    found = [targets.load(name, folders) for name in targets.names(folders)]
    if arguments.json:
        _print([{"name": each.name, "title": each.title, "kind": each.kind} for each in found])
        return EXIT_OK
    for each in found:
        print(f"{each.name:<22} {each.kind:<12} {each.title}")
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

    found = targets.detect(host_of(arguments), folders_of(arguments))
    if arguments.json:
        target = dataclasses.asdict(found.target)
        head = {key: target[key] for key in ("name", "title", "kind")}
        _print({**head, "evidence": found.evidence, "could_not_tell": found.unknown, "target": target})
        return EXIT_OK
    print(f"{found.target.name}: {found.target.title}")
    print("\n".join([f"  because  {each}" for each in found.evidence]))
    print("\n".join([f"  unknown  {each}" for each in found.unknown]))
    return EXIT_OK


def _check(arguments: argparse.Namespace) -> int:
    import targets

    folders = folders_of(arguments)
    places = dict(map(_place, arguments.files))
    results: dict[str, str] = {}
    for name in places or targets.names(folders):
        try:
            targets.load(name, [*places.get(name, []), *folders])
            results[name] = ""
        except DescriptorError as error:
            results[name] = str(error)
    if arguments.json:
        _print([{"name": name, "valid": not problem, "problem": problem} for name, problem in results.items()])
    else:
        print("\n".join(f"{name}: {problem or 'ok'}" for name, problem in results.items()))
    return EXIT_USAGE if any(results.values()) else EXIT_OK


def _place(given: Path) -> tuple[str, list[Path]]:
    """A descriptor's name and the folder of its file, where a file was given."""
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
    print(json.dumps(document, indent=2, ensure_ascii=False))


def _lines(value: Any, name: str = "") -> list[str]:
    """A nested document as 'a.b.c  value' lines; what is empty is left out."""
    if isinstance(value, dict):
        return [line for key, each in value.items() for line in _lines(each, f"{name}.{key}" if name else key)]
    if isinstance(value, tuple) and value and isinstance(value[0], dict):
        return [line for place, each in enumerate(value) for line in _lines(each, f"{name}[{place}]")]
    if value in (None, "", ()):
        return []
    return [f"{name:<40} {', '.join(map(str, value)) if isinstance(value, tuple) else value}"]
