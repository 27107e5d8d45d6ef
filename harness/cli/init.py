"""`edgebench init`: write a suite for a user's model, and a CI file that measures it every night."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.errors import EXIT_OK, UsageError, reason_of

HELP = "write a suite for your own model, and a CI file that runs it"
GROUP = "measure"
EXAMPLE = "edgebench init my.onnx --data photos/ --preprocess imagenet --limit 'p50 <= 20 ms'"

_ENVIRONMENT = "test -x .venv/bin/edgebench || { python3 -m venv .venv && .venv/bin/pip install 'edgebench[all]'; }"
"""Makes the environment in which the board measures, the first time."""

_CI_FILES = {"github": ".github/workflows/edgebench.yml", "gitlab": ".gitlab-ci.edgebench.yml"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", nargs="*", metavar="MODEL", help="model file, or one in several formats")
    parser.add_argument("--data", metavar="DIR", help="labelled images, one sub-folder per class")
    parser.add_argument("--preprocess", metavar="HOW", help="how images become inputs, such as imagenet")
    parser.add_argument("--reference", metavar="FILE", help="the float model that the file was made from")
    parser.add_argument("--compress", metavar="SETTINGS", help="settings to build and measure too, such as int8-static")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="BOUND", help="such as 'p50 <= 20 ms'; repeatable"
    )
    parser.add_argument("--name", metavar="NAME", help="name of the suite (default: that of the model)")
    parser.add_argument("--ci", choices=("github", "gitlab", "none"), help="write a CI file too (default: none)")
    parser.add_argument("--dir", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: .)")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def run(arguments: argparse.Namespace) -> int:
    """Ask for what is missing, write the files, and print what to do next."""
    if not arguments.model:
        _ask(arguments)
    folder: Path = arguments.dir
    suite = folder / f"{_name(arguments)}.toml"
    files = {suite: suite_text(arguments, folder)}
    if arguments.ci in _CI_FILES:
        files[folder / _CI_FILES[arguments.ci]] = ci_text(arguments.ci, suite.name)
    _refuse_existing(files, arguments.force)
    _check(suite.name, files[suite], folder)
    _write(files)
    path = os.path.relpath(suite)
    print(f"next: edgebench run {path}")
    print(f"      edgebench nightly install {path} --user")
    print(f"      pytest --pyargs suites --target auto --edgebench-suite {path}")
    return EXIT_OK


def _ask(arguments: argparse.Namespace) -> None:
    """Fill in what the command line leaves open, by questions on a terminal.

    Raises:
        UsageError: Standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("no model to write a suite for", "name it: edgebench init my.onnx")
    arguments.model = [_answer("model file", "")]
    arguments.data = arguments.data or _answer("folder of labelled images, empty for none", "")
    if arguments.data:
        arguments.preprocess = arguments.preprocess or _answer("how images become inputs", "imagenet")
    if not arguments.limit and (limit := _answer("a limit such as p50 <= 20 ms, empty for none", "")):
        arguments.limit = [limit]
    arguments.ci = arguments.ci or _answer("CI file: github, gitlab or none", "none")
    if arguments.ci not in (*_CI_FILES, "none"):
        raise UsageError(f"no CI file for '{arguments.ci}'", "answer github, gitlab or none")


def _answer(question: str, default: str) -> str:
    return input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default


def _name(arguments: argparse.Namespace) -> str:
    """Return the suite's name, with nothing in it that a file name or a unit could not have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", arguments.name or Path(arguments.model[0]).stem).strip("-.") or "own"


def suite_text(arguments: argparse.Namespace, folder: Path) -> str:
    """Return the suite's file; paths in it are relative to `folder`."""
    files = [_relative(path, folder) for path in arguments.model]
    keys = {
        "file": files[0] if len(files) == 1 else files,
        "data": arguments.data and _relative(arguments.data, folder),
        "preprocess": arguments.preprocess,
        "reference": arguments.reference and _relative(arguments.reference, folder),
        "limits": arguments.limit,
    }
    settings = [text.strip() for text in (arguments.compress or "as-is").split(",")]
    return "\n".join(_suite_lines(_name(arguments), keys, settings)) + "\n"


def _suite_lines(name: str, keys: Mapping[str, object], settings: Sequence[str]) -> Iterator[str]:
    yield "# The keys of a suite: docs/suites.md. Paths are relative to this file."
    yield f"title = {_toml(f'Our model {name}')}"
    yield 'profile = "quick"                  # smoke, quick, standard or full'
    yield "\n[[cases]]"
    entry = ", ".join(f"{key} = {_toml(value)}" for key, value in keys.items() if value)
    yield f"models = [\n    {{ {entry} }},\n]"
    yield f"compression = {_toml(list(settings))}            # as-is, or settings that are built from the float model"
    yield '# runtimes = ["onnxruntime-cpu"]   # default: all that can run it'


def _toml(value: object) -> str:
    """Return a string or a list of strings as TOML, whose basic strings are those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _relative(path: str, folder: Path) -> str:
    return os.path.relpath(path, folder)


def ci_text(service: str, suite: str) -> str:
    """Return a CI file that measures the suite on a self-hosted runner every night."""
    command = f".venv/bin/edgebench nightly run {suite} --out nightly"
    if service == "gitlab":
        return (
            "# include this file, and schedule the pipeline; the runner is the board\n"
            "edgebench:\n"
            '  rules: [{ if: $CI_PIPELINE_SOURCE == "schedule" }]\n'
            "  tags: [board]\n"
            "  resource_group: board            # one measurement at a time\n"
            '  variables: { GIT_CLEAN_FLAGS: "-ffd" }     # keeps .venv, which git ignores\n'
            f"  script: [{json.dumps(_ENVIRONMENT)}, {json.dumps(command)}]\n"
            "  allow_failure: { exit_codes: [10, 11] }\n"
            "  artifacts: { when: always, paths: [nightly] }\n"
        )
    return (
        "name: edgebench\n"
        "on:\n"
        '  schedule: [{ cron: "30 2 * * *" }]\n'
        "  workflow_dispatch:\n"
        "jobs:\n"
        "  edgebench:\n"
        "    runs-on: [self-hosted, board]    # the label of your board's runner\n"
        "    concurrency: board               # one measurement at a time\n"
        "    steps:\n"
        "      - uses: actions/checkout@v4\n"
        "        with: { clean: false }         # keeps .venv from night to night\n"
        f"      - run: {json.dumps(_ENVIRONMENT)}\n"
        f"      - run: {json.dumps(command)}\n"
        "      - if: always()\n"
        '        run: cat nightly/summary.md >> "$GITHUB_STEP_SUMMARY"\n'
        "      - if: always()\n"
        "        uses: actions/upload-artifact@v4\n"
        "        with: { name: nightly, path: nightly }\n"
    )


def _refuse_existing(files: Mapping[Path, str], force: bool) -> None:
    found = [str(path) for path in files if path.exists() or path.is_symlink()]
    if found and not force:
        raise UsageError(f"not overwritten: {', '.join(found)}", "--force overwrites; --name or --dir writes elsewhere")


def _check(name: str, text: str, folder: Path) -> None:
    """Read the suite back and look at its models, before anything is written.

    Raises:
        UsageError: A model, the images or the reference does not exist, or a setting or limit is not valid.
    """
    import suites
    from suites.user_model import UserModel

    suite = suites.loads(text, folder / name)
    for group in suite.groups:
        for entry in group.files:
            for path in (*entry.files, *filter(None, [entry.reference])):
                UserModel(Path(os.path.normpath(path)))  # the folder to write to may not be there yet
            if entry.data and not Path(data := os.path.normpath(entry.data)).is_dir():
                raise UsageError(f"no such folder: {data}", "it holds a sub-folder for each class")


def _write(files: Mapping[Path, str]) -> None:
    from harness.core.files import write_atomic

    for path, text in files.items():
        if text != text.encode("utf-8", "replace").decode("utf-8"):
            raise UsageError("a name is not UTF-8, which TOML asks for", "rename the file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, text.encode("utf-8"))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {reason_of(error)}", "--dir names another folder") from error
        print(f"wrote {path}")
