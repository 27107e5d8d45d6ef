"""The command line: one module or package per command, found by its name.

A command module defines:

- `HELP`: one line; `GROUP`: one of `GROUPS`; `EXAMPLE`: one command line.
- `add_arguments(parser)`: declares the arguments.
- `run(arguments)`: returns the exit code. A command with actions has none: each action sets its own.
- `modern(words)`, optional: returns an old spelling of the command line rewritten, or None.

A trailing `_` is not part of the command's name: `import_` is `import`.
"""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import pkgutil
import shlex
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from harness.core.secrets import masked, masked_words

from ._errors import end
from ._parser import HEADLINE, CommandParser
from ._signals import EndingSignals
from ._terminal import open_closed_streams, printable_streams

GROUPS = {
    "measure": "Measure",
    "look": "Look at results",
    "paper": "Write a paper",
    "keep": "Keep and exchange results",
    "boards": "Boards, runtimes and sensors",
    "prepare": "Prepare models and data",
    "check": "Check the harness",
}
"""Groups of commands in the order in which `--help` lists them."""

_EXIT_CODES = "exit codes: 0 ok, 2 usage, 3 nothing measured, 4 some cases failed, 70 bug,\n130 interrupted"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    An exception of the command becomes a message; `--debug` prints the traceback as well.
    """
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name or sign that the terminal cannot show is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if argv is None else argv)
    with printable_streams(), EndingSignals() as signals:
        return signals.exit_code(_run(words))


def _run(words: list[str]) -> int:
    debug, command = "--debug" in words, "edgebench"
    try:
        modules = commands()
        words = _modern(words, modules)
        arguments = _parser(modules).parse_args(words)
        arguments.words = words
        command = f"edgebench {arguments.command}"
        level = logging.DEBUG if arguments.verbose else logging.WARNING
        logging.basicConfig(level=level)
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_MaskedFormatter("%(levelname)s %(name)s: %(message)s"))
        if getattr(arguments, "on", None):
            from ._remote import run_there

            return run_there(arguments, _parser_of(arguments.command, modules), words)
        code: int = arguments.run(arguments)
        sys.stdout.flush()  # a reader that has left is noticed here, not when the program is taken down
        return code
    except (Exception, KeyboardInterrupt) as error:
        return end(error, debug, command)


def commands() -> dict[str, ModuleType]:
    """Return the module of every command by the command's name, without importing what the commands use."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))
    return {name.rstrip("_"): importlib.import_module(f".{name}", __name__) for name in names}


def parser() -> CommandParser:
    """Return the parser of the whole command line."""
    return _parser(commands())


def _parser(modules: Mapping[str, ModuleType]) -> CommandParser:
    top = CommandParser(
        prog="edgebench",
        usage="edgebench [options] COMMAND ...",
        description="Benchmark deep learning at the edge: latency, energy, memory, accuracy.",
        epilog=_listing(modules),
        formatter_class=HEADLINE,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    top.set_defaults(verbose=False, words=())
    subparsers = top.add_subparsers(
        dest="command", required=True, metavar="COMMAND", prog="edgebench", help=argparse.SUPPRESS
    )
    for name, module in modules.items():
        sub = subparsers.add_parser(
            name, description=module.HELP, epilog=f"example:\n  {module.EXAMPLE}", formatter_class=HEADLINE
        )
        if hasattr(module, "run"):
            sub.set_defaults(run=module.run)
        module.add_arguments(sub)
    return top


def _parser_of(command: str, modules: Mapping[str, ModuleType]) -> CommandParser:
    """Return the parser of one command."""
    parser = CommandParser(prog=f"edgebench {command}")
    modules[command].add_arguments(parser)
    return parser


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
    """Return the command line with an old spelling rewritten, and say so on standard error."""
    index = CommandParser().first_positional(words)
    command = "" if index is None else words[index]
    rewrite = getattr(modules.get(command), "modern", None)
    modern: list[str] | None = rewrite(words[index:]) if rewrite else None
    if modern is None:
        return words
    print(f"note: the next release accepts only `edgebench {shlex.join(masked_words(modern))}`", file=sys.stderr)
    return [*words[:index], *modern]


class _MaskedFormatter(logging.Formatter):
    """Formats log lines without passwords, those of a traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return masked(super().format(record))


class _Version(argparse.Action):
    """Print the version; looked up only here, since importlib.metadata costs more than the rest of --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"edgebench {version('edgebench')}")
        parser.exit()
