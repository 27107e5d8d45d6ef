"""Keywords of the Python API and the options of the command that they stand for."""

from __future__ import annotations

import argparse


def options_of(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Return the options of a command's parser by keyword."""
    return {keyword_of(action): action for action in parser._actions if action.option_strings}


def keyword_of(action: argparse.Action) -> str:
    """Return the keyword of an option: with underscores, a plural where it may be repeated."""
    name = option_of(action)[2:].replace("-", "_")
    return f"{name}s" if isinstance(action, argparse._AppendAction) else name


def option_of(action: argparse.Action) -> str:
    """Return the long form of an option."""
    return next(text for text in action.option_strings if text.startswith("--"))
