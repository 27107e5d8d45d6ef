"""`edgebench nightly`: measure a suite every night, and report what has changed since the nights before."""

from __future__ import annotations

from harness.cli._parser import CommandParser, add_action

from . import findings, install, measure

HELP = "measure a suite every night and report what has changed"
GROUP = "measure"
EXAMPLE = "edgebench nightly run quick"

_ACTIONS = {
    "run": (measure.add_arguments, measure.run, "measure a suite and report what has changed"),
    "install": (install.add_arguments, install.run, "install a systemd timer that runs a suite every night"),
    "accept": (findings.add_accept_arguments, findings.accept, "accept the latest builds of cases as the new baseline"),
    "show": (findings.add_show_arguments, findings.show, "show stored findings"),
}


def add_arguments(parser: CommandParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (add, function, text) in _ACTIONS.items():
        add(add_action(actions, name, function, text))


def modern(words: list[str]) -> list[str] | None:
    """Return the spelling of 0.1 (`nightly SUITE`, `--explain`, `--accept`, `install --install-suite`) as an action.

    Args:
        words: The command line from `nightly` on.

    Returns:
        The same command line with its action first; None if it needs no change.
    """
    command, *rest = words
    for option, action in (("--explain", "show"), ("--accept", "accept")):
        value, others = _without(rest, option)
        if value is not None:
            return [command, action, value, *others]
    suite, others = _without(rest, "--install-suite")
    index = _options_of_0_1().first_positional(others)
    if index is not None and others[index] in _ACTIONS:
        moved = [others[index], *others[:index], *others[index + 1 :], *([suite] if suite else [])]
        # the common options may stand before an action as well as behind it
        unchanged = suite is None and index == CommandParser().first_positional(others)
        return None if unchanged else [command, *moved]
    if index is None and (not rest or {"-h", "--help"}.intersection(rest)):
        return None
    return [command, "run", *rest]


def _options_of_0_1() -> CommandParser:
    """Return a parser of all options that could stand before the suite or `install`."""
    parser = CommandParser()
    install.add_arguments(parser)
    return parser


def _without(words: list[str], option: str) -> tuple[str | None, list[str]]:
    """Return the value of an option, given as `--x VALUE` or `--x=VALUE`, and the words without both."""
    for index, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2], [*words[:index], *words[index + 1 :]]
        if word == option and index + 1 < len(words):
            return words[index + 1], [*words[:index], *words[index + 2 :]]
    return None, words
