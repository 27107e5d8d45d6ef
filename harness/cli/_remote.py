"""`--on BOARD`: the command runs on a board over SSH, and what it writes comes back."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_USAGE, UsageError

if TYPE_CHECKING:
    from harness.core.case import Case
    from harness.fleet.ssh import Board

_PATHS = ("--model", "--reference", "--data", "--inputs", "--artifact")
"""Options of `run` that name files of the user."""
_LOCAL = ("--on", "--out", "--store", "--require", "--export")
"""Options with a value that concern this side."""
_LOCAL_FLAGS = ("--no-report", "--resume")
RUNTIMES = ("ai-edge-litert>=1.4", "onnxruntime>=1.20")
"""What pip installs on a board where no runtime is named."""


def run_there(arguments: argparse.Namespace, parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    """Run the command on the board that --on names; return its exit code.

    Args:
        arguments: The parsed command line.
        parser: The parser of the command.
        words: The command line, as it was given.

    Raises:
        UsageError: The board's name is none, or an option concerns another machine.
        SetupError: There is no connection, or the board lacks something.
    """
    from harness.fleet.ssh import Board, destination

    for name in ("host_root", "targets"):
        if getattr(arguments, name, None):
            raise UsageError(f"--{name.replace('_', '-')} and --on exclude each other", "leave one of them out")
    rest = list(words)
    rest.remove(arguments.command)
    with Board(destination(arguments.on)) as board:
        if arguments.command == "run":
            return _run(arguments, parser, rest, board)
        return _other(arguments, parser, rest, board)


def _other(arguments: argparse.Namespace, parser: argparse.ArgumentParser, words: Sequence[str], board: Board) -> int:
    import suites
    from harness.fleet import kit, remote

    measures = arguments.command == "selfcheck"
    files = _shipped_files(suites.expand(suites.load("quick"), None)) if measures else {}
    installed = kit.install(board, files, RUNTIMES if measures else ())
    there = [word for option, value in _pairs(parser, words) for word in _joined(option, value)]
    return remote.attend(installed, f"{installed.folder}-work", [arguments.command, *there], _say)


def _run(arguments: argparse.Namespace, parser: argparse.ArgumentParser, words: Sequence[str], board: Board) -> int:
    from harness.fleet import kit, remote
    from harness.runs.plan import default_out
    from harness.store.runfolder import RunFolder

    from ._output import show_table
    from ._store import add_run
    from .run import judged, required, write_report

    requirements = required(arguments)
    out = Path(arguments.out) if arguments.out else default_out("remote")
    if not arguments.resume and out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} exists and is not empty", "choose another --out, or --resume the run in it")
    installed = kit.install(board, _shipped_files(_cases(arguments)), _libraries(arguments))
    _say(f"{board.destination}: {installed.sent_bytes / 1e6:.1f} MB sent, the rest is there")
    place = remote.run_place(out, arguments.resume, installed)
    first = ["run", *_uploaded(parser, words, board), "--out", f"{place}/run", "--no-report"]
    again = [*first, "--resume"]
    try:
        code = remote.attend(installed, place, again if arguments.resume else first, _say, again, arguments.json)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    if code in (EXIT_USAGE, EXIT_BUG):
        return code
    if not remote.fetch(board, place, out):
        return code  # interrupted before there was a run
    folder = RunFolder(out)
    if arguments.json:
        show_table(folder, as_json=True)
    write_report(folder, arguments)
    add_run(folder, arguments)
    if code in (EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED):
        return code
    return judged(requirements, folder.records(), arguments.json) or code


def _cases(arguments: argparse.Namespace) -> list[Case]:
    """Return the cases of the suite that may be measured; none where only files of the user are."""
    import suites

    from ._options import config_of

    config = config_of(arguments)
    if config.models and config.suite is None:
        return []
    suite = suites.load(config.suite or "quick")
    if any(group.files for group in suite.groups):
        raise UsageError(
            f"the suite {suite.name} has model files of its own, which --on does not bring to a board",
            "name the files on the command line: edgebench run my.onnx --on BOARD",
        )
    cases = suites.expand(suite, config.threads)
    wanted = [case for case in cases if not config.runtimes or case.runtime in config.runtimes]
    return [case for case in wanted if all(text in case.id for text in config.filters)]


def _shipped_files(cases: Sequence[Case]) -> dict[str, Path]:
    """Return the shipped model files and data of some cases, by their path in the source tree."""
    from harness.fleet.kit import ROOT
    from suites.artifacts import catalog

    nets = {(case.model, setting) for case in cases for setting in (case.compression, "fp32")}
    paths = [
        catalog.ARTIFACTS / entry["file"]
        for (model, compression, _), entry in catalog.shipped().items()
        if (model, compression) in nets
    ]
    sets = {case.dataset for case in cases if case.dataset} & {"fashion-mnist"}
    paths += [file for name in sets for file in catalog.datasets()[name].path.rglob("*") if file.is_file()]
    return {path.relative_to(ROOT).as_posix(): path for path in paths if "__pycache__" not in path.parts}


def _libraries(arguments: argparse.Namespace) -> list[str]:
    """Return what pip installs on the board besides the base: the runtimes that are named, else the default ones."""
    from harness.core import plugins

    named = [plugins.load("runtimes", name).capability.install for name in arguments.runtime]
    prefix = "pip install "
    libraries = [word for line in named if line.startswith(prefix) for word in shlex.split(line.removeprefix(prefix))]
    images = ["pillow>=10"] if arguments.data else []
    return [*(libraries or RUNTIMES), *images]


def _uploaded(parser: argparse.ArgumentParser, words: Sequence[str], board: Board) -> Iterator[str]:
    """Yield the command line for the board, with the user's files brought there."""
    from harness.core.artifact import format_of
    from harness.fleet.remote import upload

    for option, value in _pairs(parser, words):
        if option in _PATHS and value is not None:
            case, equals, file = value.rpartition("=") if option == "--artifact" else ("", "", value)
            yield from _joined(option, f"{case}{equals}{upload(board, Path(file))}")
        elif not option and value is not None and (format_of(Path(value)) or Path(value).suffix == ".toml"):
            yield upload(board, Path(value))
        else:
            yield from _joined(option, value)


def _joined(option: str, value: str | None) -> list[str]:
    """Return an option with its value as words of a command line; a value may begin with a dash."""
    if value is None:
        return [option]
    return [f"{option}={value}"] if option.startswith("--") else [word for word in (option, value) if word]


def _pairs(parser: argparse.ArgumentParser, words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the options that concern the board with their values, and other words as the value of ''."""
    left = list(words)
    while left:
        word = left.pop(0)
        option, equals, value = word.partition("=")
        action = parser._option_string_actions.get(option)
        if action is None:
            yield "", word
        elif action.nargs == 0:
            if option not in _LOCAL_FLAGS:
                yield option, None
        else:
            given = value if equals else left.pop(0)
            if option not in _LOCAL:
                yield option, given


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
