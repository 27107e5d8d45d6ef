"""Keyword arguments of the Python API, read by the parsers of the command.

A keyword is an option of the command with underscores: `latency_bound=20` is `--latency-bound 20`. That of an option
that may be repeated is a plural: `runtimes=["litert-xnnpack"]` is `--runtime litert-xnnpack`. The words of a command
line are made of the keywords and then parsed, so that a value is checked in one place, and a record can name the
command line that measures the same.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from harness.cli._given import option_words
from harness.cli._parser import CommandParser
from harness.core.errors import UsageError

from ._keyword_names import keyword_of, option_of, options_of
from ._wording import in_python_terms

if TYPE_CHECKING:
    from types import ModuleType

Function = TypeVar("Function", bound=Callable[..., Any])


def parsed(command: ModuleType, positionals: Sequence[object], keywords: Mapping[str, object]) -> argparse.Namespace:
    """Return the arguments that a command would parse from these values; its `words` are that command line.

    Args:
        command: Module of the command, as in `harness.cli`.
        positionals: The arguments that are no options; None is left out.
        keywords: Values by keyword; None is as if it were not given.

    Raises:
        TypeError: A value is of a type that the option has no form for.
        UsageError: The command would refuse a value.
    """
    name = command.__name__.rpartition(".")[2]
    parser = _KeywordParser(prog=f"edgebench {name}")
    command.add_arguments(parser)
    options = options_of(parser)
    words = [word for key, value in keywords.items() if value is not None for word in _words(options[key], key, value)]
    places = [_text("argument", value) for value in positionals if value is not None]
    words += ["--", *places] if any(place.startswith("-") for place in places) else places
    arguments = parser.parse_args(words)
    arguments.words = (name, *words)
    return arguments


def _words(action: argparse.Action, keyword: str, value: object) -> Iterator[str]:
    """Yield the words of a command line that give an option this value."""
    option = option_of(action)
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise TypeError(f"{keyword} is {value!r}, expected True or False")
        if value:
            yield option
        elif isinstance(action, argparse.BooleanOptionalAction):
            yield f"--no-{option[2:]}"
        return
    for text in _texts(action, keyword, value):
        yield from option_words(option, text)


def _texts(action: argparse.Action, keyword: str, value: object) -> Iterator[str]:
    """Yield the option's values: several where it may be repeated or takes a list with commas."""
    if isinstance(value, Mapping):
        yield from _pairs(action, keyword, value)
    elif isinstance(value, str) or not isinstance(value, (Sequence, set, frozenset)):
        yield _text(keyword, value)
    elif isinstance(action, argparse._AppendAction):
        yield from (_text(keyword, item) for item in value)
    elif action.metavar == "SETTINGS":
        yield ",".join(_text(keyword, item) for item in value)
    else:
        raise TypeError(f"{keyword} is {value!r}, expected one value")


def _pairs(action: argparse.Action, keyword: str, value: Mapping[Any, Any]) -> Iterator[str]:
    """Yield 'NAME=VALUE' of a mapping, or 'NAME:KEY=VALUE' of a mapping of mappings."""
    form = str(action.metavar)
    if "=" not in form:
        raise TypeError(f"{keyword} is {value!r}, expected no mapping")
    nested = form.startswith("NAME:KEY")
    for name, item in value.items():
        if nested != isinstance(item, Mapping):
            raise TypeError(f"{keyword} is {value!r}, expected {{name: {'{key: value}' if nested else 'value'}}}")
        if nested:
            yield from (f"{name}:{key}={_text(keyword, part)}" for key, part in item.items())
        elif isinstance(item, Sequence) and not isinstance(item, str):
            yield f"{name}={'x'.join(map(str, item))}"
        else:
            yield f"{name}={_text(keyword, item)}"


def _text(keyword: str, value: object) -> str:
    """Return one value as the command line has it."""
    if isinstance(value, (str, os.PathLike)):
        return os.fsdecode(value)
    if isinstance(value, bool) or (not hasattr(value, "__index__") and not hasattr(value, "__float__")):
        raise TypeError(f"{keyword} is {value!r}, expected a text, a path or a number")
    return str(value)


class _KeywordParser(CommandParser):
    """A command's parser whose errors name the keyword, and are exceptions."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        if found := re.match(r"argument (--[\w-]+)\S*: (.*)", message, re.DOTALL):
            action = self._option_string_actions[found[1]]
            message = f"{keyword_of(action)}: {found[2]}"
        raise UsageError(message, f"help({self.prog.replace(' ', '.')}) lists the keywords")


def named(options: type | None = None) -> Callable[[Function], Function]:
    """Let a function refuse an unknown keyword with the nearest known one, and show all keywords in its signature.

    What it raises speaks of keywords, where the command speaks of options.

    Args:
        options: The TypedDict of its `**options`; None without those.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        hints = options.__annotations__ if options else {}
        further = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_plain(hint))
            for name, hint in hints.items()
        ]
        whole = signature.replace(parameters=[*own, *further])

        @functools.wraps(function)
        def checked(*values: Any, **keywords: Any) -> Any:
            for keyword in keywords.keys() - whole.parameters.keys():
                near = difflib.get_close_matches(keyword, whole.parameters, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise TypeError(f"{function.__name__}() has no keyword '{keyword}'{hint}")
            with in_python_terms(function.__qualname__, whole.parameters):
                return function(*values, **keywords)

        checked.__signature__ = whole  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate


def _plain(hint: object) -> object:
    """Return an annotation as it was written."""
    return getattr(hint, "__forward_arg__", hint)
