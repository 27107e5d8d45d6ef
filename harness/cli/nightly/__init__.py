"""`edgebench nightly`: measure a suite every night, and report what has changed since the nights before."""

from __future__ import annotations

import argparse

from . import findings, install, measure

HELP = "measure a suite every night and report what has changed"
GROUP = "measure"
EXAMPLE = "edgebench nightly run quick"

_ACTIONS = {
    "run": (measure.add_arguments, measure.run, "measure a suite and report what has changed"),
    "install": (install.add_arguments, install.run, "install a systemd timer that runs a suite every night"),
    "accept": (findings.add_accept_arguments, findings.accept, "take the latest builds of cases as good"),
    "show": (findings.add_show_arguments, findings.show, "show stored findings"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    from harness.cli import _add_common

    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (add, function, text) in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        action.set_defaults(run=function)
        add(action)
        _add_common(action)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; argparse replaces this default by that of the action."""
    code: int = _ACTIONS[arguments.action][1](arguments)
    return code


def modern(words: list[str]) -> list[str] | None:
    """Return the spelling of 0.1 (`nightly SUITE`, `--explain`, `--accept`, `install --install-suite`) as an action."""
    command, *rest = words
    for option, action in (("--explain", "show"), ("--accept", "accept")):
        if option in rest[:-1] and not {"show", "accept"}.intersection(rest):
            place = rest.index(option)
            return [command, action, rest[place + 1], *rest[:place], *rest[place + 2 :]]
    if "install" in rest[:1] and "--install-suite" in rest:
        return [command, *(word for word in rest if word != "--install-suite")]
    if rest[:1] in ([], ["-h"], ["--help"]) or rest[0] in _ACTIONS:
        return None
    return [command, "run", *rest]
