"""The argument parser of every command and action: common options, and short errors with a suggestion."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from harness.core.secrets import masked

HEADLINE = argparse.RawDescriptionHelpFormatter
"""Formatter that leaves the line breaks of a description and an example as they are."""


class CommandParser(argparse.ArgumentParser):
    """A parser that accepts the common options, and answers a wrong word with the nearest right one.

    The parsers of its commands and actions are of this class too, so that `--debug` may stand anywhere.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._common = self.add_argument_group("common options")
        _add_common(self._common)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the words; one that no argument takes is an error of this parser, not of the one above it."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def format_help(self) -> str:
        """Return the help text, with the common options last."""
        self._action_groups.sort(key=lambda group: group is self._common)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to look, and exit with code 2."""
        wrong, known = None, list(self._option_string_actions)
        if unknown := re.search(r"argument (?:COMMAND|ACTION): invalid choice: '([^']*)'", message):
            wrong, known = unknown[1], [name for action in self._actions for name in action.choices or ()]
            message = f"unknown command '{wrong}'"
        elif unknown := re.match(r"unrecognized arguments: (--[^\s=]+)", message):
            wrong = unknown[1]
        near = difflib.get_close_matches(wrong, known, n=1) if wrong else []
        hint = f"did you mean '{near[0]}'? " if near else ""
        self.exit(2, f"{self.prog}: {masked(message)}\n  {hint}see {self.prog} --help\n")

    def first_positional(self, words: Sequence[str]) -> int | None:
        """Return the index of the first word that is neither an option nor an option's value; None without one."""
        index = 0
        while index < len(words):
            option = self._option_string_actions.get(words[index])
            if option is None and not words[index].startswith("-"):
                return index
            index += 1 if option is None or option.nargs == 0 else 2
        return None


def add_action(
    actions: argparse._SubParsersAction[CommandParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    description: str | None = None,
) -> CommandParser:
    """Add an action of a command, such as `store add`.

    Args:
        actions: What `add_subparsers` of the command's parser returned.
        name: The action's word on the command line.
        run: Function that carries the action out and returns the exit code.
        text: One line for the command's list of actions.
        description: Text of the action's own help; `text` if None.

    Returns:
        The action's parser.
    """
    parser = actions.add_parser(name, help=text, description=description or text)
    parser.set_defaults(run=run)
    return parser


def _add_common(parser: argparse._ActionsContainer) -> None:
    """Add the options of every command. They have no default: that of an action would override the command's value."""
    parser.add_argument(
        "--host-root", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="read a recorded machine (host record)"
    )
    parser.add_argument(
        "--targets", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="folder of additional target descriptors"
    )
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    parser.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="log details")
