"""`edgebench runtimes`: list the runtimes that are ready, and how to install the others."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK

from ._options import add_on_option, host_of, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.target import Target
    from harness.runs.runtime_overview import RuntimeStatus

HELP = "list runtimes and how to install the missing ones"
GROUP = "boards"
EXAMPLE = "edgebench runtimes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--target", default="auto", metavar="NAME", help="list those of this board (default: this machine)"
    )
    parser.add_argument(
        "--all", action="store_true", help="show all runtimes, with how to install them and what they run"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_on_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print all runtimes."""
    from harness.runs.runtime_overview import runtime_statuses

    fs = host_of(arguments)
    target = target_of(arguments.target, fs, arguments)
    here = fs.live and (arguments.target == "auto" or target.name == target_of("auto", fs, arguments).name)
    statuses = runtime_statuses(target, here)
    if arguments.json:
        rows = [{**dataclasses.asdict(view), "ready": view.ready} for view in statuses]
        print(json.dumps({"target": target.name, "this_machine": here, "runtimes": rows}, indent=2))
    else:
        print("\n".join((_lines if arguments.all else _summary)(statuses, target, here)))
    return EXIT_OK


def _summary(statuses: list[RuntimeStatus], target: Target, here: bool) -> Iterator[str]:
    """Yield the ready runtimes, a line each, and how many others there are."""
    yield f"{target.name}: {target.title}"
    for view in statuses:
        if view.ready:
            library = view.library or {}
            explicit = "" if view.by_default else " *"
            version = f"{library.get('library')} {library.get('version')}"
            yield f"  {view.name:<25} {version}: {', '.join(view.formats)}{explicit}"
    if any(view.ready and not view.by_default for view in statuses):
        yield "* only where --runtime names it"
    could = sum(not view.ready and not view.unusable for view in statuses)
    never = sum(not view.ready and bool(view.unusable) for view in statuses)
    others = [f"{could} more can be {'installed' if here else 'used'}"] * bool(could) + [
        f"{never} are not for this board"
    ] * bool(never)
    if others:
        yield f"{', '.join(others)}: edgebench runtimes --all"


def _lines(statuses: list[RuntimeStatus], target: Target, here: bool) -> Iterator[str]:
    """Yield the ready runtimes, those that can be installed, and those that never run on this board."""
    yield f"{target.name}: {target.title}"
    ready = [view for view in statuses if view.ready]
    could = [view for view in statuses if not view.ready and not view.unusable]
    never = [view for view in statuses if not view.ready and view.unusable]
    for title, views in (("ready", ready), ("can be installed" if here else "usable", could)):
        if views:
            yield f"\n{title}"
        for view in views:
            yield from _block(view)
    if never:
        yield "\nnot for this board"
    for view in never:
        yield f"  {view.name:<25}{view.unusable}"
    yield "\ncompression settings by how their files store the net"
    for kind, names in _kinds().items():
        yield f"  {kind:<14}{', '.join(names)}"


def _kinds() -> dict[str, list[str]]:
    from harness.runs.runtime_overview import stored

    kinds: dict[str, list[str]] = {}
    for name, kind in stored().items():
        kinds.setdefault(kind, []).append(name)
    return kinds


def _block(view: RuntimeStatus) -> Iterator[str]:
    from harness.runtimes.base import UNTESTED

    library = view.library or {}
    state = f"{library.get('library')} {library.get('version')}" if view.ready else view.problem.partition(": pip")[0]
    explicit = "" if view.by_default else ", only with --runtime"
    yield f"  {view.name:<25}{f'{state}; ' if state else ''}takes {', '.join(view.formats)}{explicit}"
    if not view.ready:
        yield f"    install    {view.install}"
    if not view.hardware_tested:
        yield f"    state      {UNTESTED}"
    if view.note:
        yield f"    note       {view.note}"
    for kind, names in _kinds().items():
        yield f"    {kind:<14} -> {view.settings[names[0]]}"
