"""The command line: one module or package per command, found by its name.

A command has `HELP` (one line), `GROUP` (one of `GROUPS`), `EXAMPLE` (one command line), `add_arguments(parser)` and
`run(arguments) -> exit code`. `modern(words)` is optional: it rewrites an old spelling, or returns None. A trailing `_`
is not part of the command's name: `import_` is `import`.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import logging
import pkgutil
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import NoReturn

from ._errors import end
from ._options import add_machine_options

GROUPS = {
    "measure": "Measure",
    "look": "Look at results",
    "keep": "Keep and exchange results",
    "boards": "Boards, runtimes and sensors",
    "prepare": "Prepare models and data",
    "check": "Check the harness",
}
"""Groups of commands in the order in which `--help` lists them."""

_EXIT_CODES = "exit codes: 0 ok, 2 usage, 3 nothing measured, 4 some cases failed, 70 bug,\n130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    What the command raises becomes a message, with the traceback under `--debug`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    try:
        modules = commands()
        arguments = _parser(modules).parse_args(_modern(words, modules))
        level = logging.DEBUG if arguments.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
        code: int = arguments.run(arguments)
        return code
    except (Exception, KeyboardInterrupt) as error:
        return end(error, debug)


def commands() -> dict[str, ModuleType]:
    """Return the module of every command by the command's name; imports none of what they use."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))
    return {name.rstrip("_"): importlib.import_module(f".{name}", __name__) for name in names}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    return _parser(commands())


def _parser(modules: Mapping[str, ModuleType]) -> argparse.ArgumentParser:
    top = _Parser(
        prog="edgebench",
        usage="edgebench [options] COMMAND ...",
        description="Benchmark deep learning at the edge: latency, energy, memory, accuracy.",
        epilog=_listing(modules),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    top.set_defaults(verbose=False)
    _add_common(top)
    subparsers = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="edgebench", help=argparse.SUPPRESS
    )
    for name, module in modules.items():
        sub = subparsers.add_parser(
            name,
            description=module.HELP,
            epilog=f"example:\n  {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=module.run)
        module.add_arguments(sub)
        _add_common(sub)
    return top


def _listing(modules: Mapping[str, ModuleType]) -> str:
    """Return the commands by group, one line each."""
    width = max(map(len, modules))
    lines = []
    for group, title in GROUPS.items():
        lines.append(f"{title}:")
        lines += [f"  {name:{width}}  {module.HELP}" for name, module in modules.items() if group == module.GROUP]
        lines.append("")
    return "\n".join([*lines, "`edgebench COMMAND --help` shows the options and an example.", _EXIT_CODES])


def _modern(words: list[str], modules: Mapping[str, ModuleType]) -> list[str]:
    """Return the command line with an old spelling rewritten, which a line on standard error says."""
    place = next((place for place, word in enumerate(words) if word in modules), None)
    if place is None or not hasattr(modules[words[place]], "modern"):
        return words
    modern: list[str] | None = modules[words[place]].modern(words[place:])
    if modern is None:
        return words
    print(f"note: from the next release on this is only `edgebench {' '.join(modern)}`", file=sys.stderr)
    return [*words[:place], *modern]


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Add options that may stand before or after the command; without a default, or the command's would always win."""
    add_machine_options(parser)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    parser.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="log details")


class _Parser(argparse.ArgumentParser):
    """A parser that suggests the nearest command for one that does not exist."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        unknown = re.search(r"argument (?:COMMAND|ACTION): invalid choice: '([^']*)'", message)
        if unknown is None:
            super().error(message)
        choices = [name for action in self._actions for name in action.choices or ()]
        near = difflib.get_close_matches(unknown[1], choices, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        self.exit(2, f"{self.prog}: unknown command '{unknown[1]}'\n  {hint}see {self.prog} --help\n")


class _Version(argparse.Action):
    """Print the version; looked up only here, since importlib.metadata costs more than the rest of --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"edgebench {version('edgebench')}")
        parser.exit()
