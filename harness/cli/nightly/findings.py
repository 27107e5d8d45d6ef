"""`edgebench nightly show` and `accept`: print stored findings, accept builds as the new baseline."""

from __future__ import annotations

import argparse

from harness.cli._store import add_store_option
from harness.core.errors import EXIT_OK, UsageError

_STORE = "store of the nights (default: $EDGEBENCH_STORE, or your own)"


def add_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `show`."""
    parser.add_argument("series", help="show findings whose series contains this text, such as a case id")
    add_store_option(parser, _STORE)


def add_accept_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `accept`."""
    parser.add_argument("case", help="accept the cases whose id contains this text")
    parser.add_argument("--reason", metavar="TEXT", help="why the change is wanted; stored with the reset (required)")
    add_store_option(parser, _STORE)


def show(arguments: argparse.Namespace) -> int:
    """Print the stored findings of the series, the newest first."""
    from harness import store
    from harness.nightly.unit_files import all_documents, matching
    from reports.text import clean

    with store.open(arguments.store, create=False) as kept:
        nights = all_documents(kept.folder)
    found = list(matching(nights, arguments.series))
    if not found:
        raise UsageError(
            f"no stored finding's series contains '{arguments.series}'", f"{len(nights)} nights are stored"
        )
    for night, outcome in found:
        print(clean(f"{night['started_utc'][:16]} {outcome['kind']}: {outcome['series']}: {outcome['sentence']}"))
        for name, value in outcome["evidence"].items():
            print(clean(f"    {name:16} {value}"))
        if outcome["command"]:
            print(clean(f"    again with       {outcome['command']}"))
    return EXIT_OK


def accept(arguments: argparse.Namespace) -> int:
    """Accept the latest builds as the new baseline and reset their histories."""
    from harness import store
    from harness.nightly.baselines import accept

    if not arguments.reason:
        raise UsageError("accept needs --reason", "say why the change is wanted")
    with store.open(arguments.store, create=False) as kept:
        cases = accept(kept.folder / "kept", arguments.case)
        if not cases:
            raise UsageError(
                f"no stored build's case id contains '{arguments.case}'", "measure a night first: edgebench nightly run"
            )
        for case in cases:
            kept.reset(arguments.reason, store.Filters(case=case))
    print("accepted, histories reset: " + ", ".join(cases))
    return EXIT_OK
