"""The options that a command line gave, written out again: for a timer, and for commands that repeat a measurement."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.files import expanded

from ._parser import CommandParser


@dataclass(frozen=True)
class Given:
    """One argument that was given.

    Attributes:
        name: Its name in the parsed arguments, such as 'runtime_option'.
        values: Its values as they were written, with paths made absolute; empty for a switch.
        words: The words that give it again.
    """

    name: str
    values: tuple[str, ...]
    words: tuple[str, ...]


def given(words: Sequence[str], declare: Callable[[argparse.ArgumentParser], None]) -> list[Given]:
    """Return the arguments of a command with an action, such as `nightly run`, in the order of their declaration.

    Args:
        words: The command line, the command and its action included.
        declare: Declares the action's arguments.
    """
    parser = CommandParser()
    declare(parser)
    for action in parser._actions:
        action.type, action.default = None, argparse.SUPPRESS  # the texts as they were written, and no others
    values = vars(parser.parse_args(_after_action(words)))
    found = (_given(action, values[action.dest]) for action in parser._actions if action.dest in values)
    return list(found)


def _after_action(words: Sequence[str]) -> list[str]:
    """Return the words without the command and its action, which none but common options precede."""
    left, common = list(words), CommandParser()
    for _ in range(2):
        index = common.first_positional(left)
        if index is not None:
            del left[index]
    return left


def _given(action: argparse.Action, value: Any) -> Given:
    name = next((text for text in action.option_strings if text.startswith("--")), "")
    if isinstance(action, argparse.BooleanOptionalAction):
        return Given(action.dest, (), (name if value else f"--no-{name[2:]}",))
    if action.nargs == 0:
        return Given(action.dest, (), (name,))
    texts = tuple(_absolute(action, text) for text in (value if isinstance(value, list) else [value]))
    if not name:
        return Given(action.dest, texts, texts)
    return Given(action.dest, texts, tuple(word for text in texts for word in option_words(name, text)))


def option_words(name: str, text: str) -> tuple[str, ...]:
    """Return an option with its value; in one word where the value would be taken for an option."""
    return (f"{name}={text}",) if text.startswith("-") else (name, text)


def _absolute(action: argparse.Action, text: str) -> str:
    """Return a value in which a relative path is absolute; its metavar tells what is a path."""
    if action.metavar in {"FILE", "DIR"} or (action.dest == "suite" and Path(text).suffix):
        return str(Path(text).absolute())
    if action.metavar == "CASE=FILE":
        case, _, file = text.rpartition("=")
        return f"{case}={Path(file).absolute()}"
    if action.metavar == "PATH|URL":
        return absolute_store(text)
    return text


def absolute_store(text: str) -> str:
    """Return the location of a store in a form that is the same in any folder."""
    scheme, separator, path = text.partition(":///")
    if scheme == "sqlite" and separator:
        return f"sqlite:///{expanded(Path(path)).absolute()}"
    return text if "://" in text else str(expanded(Path(text)).absolute())
