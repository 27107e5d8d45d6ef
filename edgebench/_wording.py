"""Errors of the command in the words of Python: `--force` is `force=True`, and a missing package names its function."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module

from harness.cli._parser import CommandParser
from harness.core import optional
from harness.core.errors import EdgebenchError

from ._keyword_names import options_of

_COMMANDS = ("run", "ab", "compare", "recommend")
_COMMAND_LINE = re.compile(r"(\bedgebench [a-z][^;,\n]*)")
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)(?: (\d[\w.%]*|[A-Z][A-Z_:=|]*\b|'[^']*'|all\b))?")


@contextmanager
def in_python_terms(function: str, keywords: Mapping[str, object]) -> Iterator[None]:
    """Reword what is raised within the `with` block for the caller of a function.

    Args:
        function: Name of the function.
        keywords: Its keywords; other options keep their form, as do whole command lines.

    Raises:
        SetupError: A package of an extra is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (missing := optional.explained(error, f"edgebench.{function}")) is None:
            raise
        raise missing from error
    except EdgebenchError as error:
        error.message, error.remedy = (reworded(text, keywords) for text in (error.message, error.remedy))
        error.args = (error.message,)
        raise


def reworded(text: str, keywords: Mapping[str, object]) -> str:
    """Return a text with options as keywords, except in the command lines in it."""
    known = {keyword: action for keyword, action in _options().items() if keyword in keywords}
    by_option = {name: (keyword, action) for keyword, action in known.items() for name in action.option_strings}

    def keyword(found: re.Match[str]) -> str:
        option, value = f"--{found[1]}", found[2]
        if option not in by_option:
            return found[0]
        name, action = by_option[option]
        if action.nargs == 0:
            return f"{name}=True" + (f" {value}" if value else "")
        if value is None:
            return name
        return f"{name}={value!r}" if value == "all" else f"{name}={value}"

    parts = _COMMAND_LINE.split(text)
    return "".join(part if index % 2 else _OPTION.sub(keyword, part) for index, part in enumerate(parts))


@cache
def _options() -> Mapping[str, argparse.Action]:
    """Return the options of the commands behind the API, by keyword."""
    found: dict[str, argparse.Action] = {}
    for name in _COMMANDS:
        parser = CommandParser()
        import_module(f"harness.cli.{name}").add_arguments(parser)
        found = {**options_of(parser), **found}
    return found
