"""Write docs/cli.md, every command with its options: `python docs/make_cli.py`.

It is made from the parser's own arguments, so that it is the same at any width of the terminal.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from harness import cli
from harness.cli import GROUPS
from harness.cli._parser import CommandParser

PAGE = Path(__file__).resolve().parent / "cli.md"
COMMAND = "python docs/make_cli.py"

_COMMON = frozenset({"help", *(action.dest for action in CommandParser()._actions)})

_HEAD = f"""# Commands

Every command with its arguments, as `edgebench COMMAND --help` shows them; [exit codes](exit-codes.md) have a page of
their own. `{COMMAND}` writes this one from the parser.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_common(), *_commands()]).rstrip() + "\n"


def _common() -> Iterator[str]:
    yield "Every command takes these too:\n"
    yield from _table([action for action in CommandParser()._actions if action.dest != "help"])


def _commands() -> Iterator[str]:
    parsers = _parsers(cli.parser())
    for group, title in GROUPS.items():
        yield f"\n## {title}"
        for name, module in cli.commands().items():
            if group == module.GROUP:
                yield f"\n### edgebench {name}\n\n{_sentence(module.HELP)}\n\n    {module.EXAMPLE}"
                yield from _arguments(parsers[name])
                for action, parser in _parsers(parsers[name]).items():
                    yield f"\n#### edgebench {name} {action}\n\n{_sentence(parser.description or '')}"
                    yield from _arguments(parser)


def _parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands or actions of a parser by their words."""
    nested = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {name: one for action in nested for name, one in action.choices.items()}


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a table for each group of arguments that are not common to all commands."""
    for group in parser._action_groups:
        own = [
            action
            for action in group._group_actions
            if action.dest not in _COMMON and not isinstance(action, argparse._SubParsersAction)
        ]
        if own:
            plain = group.title in ("positional arguments", "options", "optional arguments")
            yield "" if plain else f"\n**{(group.title or '').capitalize()}**\n"
            yield from _table(own)


def _table(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| argument | what it does |"
    yield "|---|---|"
    for action in actions:
        yield f"| {_usage(action)} | {_help(action)} |"


def _usage(action: argparse.Action) -> str:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    if not action.option_strings:
        many = {"*": " ...", "+": " ..."}.get(str(action.nargs), "")
        return _code(f"{metavar or action.dest.upper()}{many}")
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return _code(names)
    choices = "|".join(map(str, action.choices or ()))
    return _code(f"{names} {metavar or choices or action.dest.upper()}")


def _help(action: argparse.Action) -> str:
    """Return the help text with its placeholders filled in, as a cell of a table."""
    text = (action.help or "") % {"prog": "edgebench", "default": action.default}
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', ':')) else '.'}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
