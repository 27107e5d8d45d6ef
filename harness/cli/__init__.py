"""The command line: one module a command, found by its file name, each with `HELP`, `add_arguments` and `run`.

A trailing `_` is no part of the command's name: `import_` is `import`.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import sys
from collections.abc import Sequence

from ._errors import end
from ._machine import add_machine_options

_EXAMPLES = """\
examples:
  edgebench run quick                      measure the built-in suite, write a report
  edgebench run --model my.onnx --data photos/
  edgebench table runs/RUN --format csv
  edgebench compare runs/before runs/after

exit codes: 0 ok, 2 usage, 3 nothing measured, 4 some cases failed, 70 a bug, 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. What it raises becomes a message, with the traceback under `--debug`."""
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    try:
        arguments = parser().parse_args(argv)
        level = logging.DEBUG if arguments.verbose else logging.WARNING
        logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
        code: int = arguments.run(arguments)
        return code
    except (Exception, KeyboardInterrupt) as error:
        return end(error, debug)


def parser() -> argparse.ArgumentParser:
    """The whole command line; imports the light command modules, and nothing they use."""
    top = argparse.ArgumentParser(
        prog="edgebench",
        description="Benchmark deep learning at the edge: latency, energy, memory, accuracy, and a verdict on each.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    top.set_defaults(verbose=False)
    _add_common(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_")):
        module = importlib.import_module(f".{name}", __name__)
        sub = commands.add_parser(name.rstrip("_"), help=module.HELP, description=module.HELP)
        module.add_arguments(sub)
        _add_common(sub)
        sub.set_defaults(run=module.run)
    return top


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Options that may stand before or behind the command; without a default, or the command's would always win."""
    add_machine_options(parser)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    parser.add_argument("-v", "--verbose", action="store_true", default=argparse.SUPPRESS, help="log what is done")


class _Version(argparse.Action):
    """Looks the version up only when asked: importlib.metadata costs more than the rest of --help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"edgebench {version('edgebench')}")
        parser.exit()
