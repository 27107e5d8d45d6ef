"""`edgebench suites`: list the suites and their cases."""

from __future__ import annotations

import argparse
import json

from harness.core.errors import EXIT_OK

HELP = "list the built-in suites, or the cases of one"
GROUP = "measure"
EXAMPLE = "edgebench suites quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema of a suite's file, for editors")
    parser.add_argument("suite", nargs="?", help="show the cases of this suite, built in or a .toml file")


def run(arguments: argparse.Namespace) -> int:
    """Print the suites, or the case ids of one."""
    import suites

    if arguments.schema:
        print(json.dumps(suites.schema(), indent=2))
        return EXIT_OK
    if arguments.suite:
        from harness.runs.config import RunConfig
        from harness.runs.plan import suite_cases

        print("\n".join(case.id for case in suite_cases(RunConfig(suite=arguments.suite))))
        return EXIT_OK
    for name in suites.names():
        suite = suites.load(name)
        print(f"{name:<12} {len(suites.expand(suite)):>4} cases  {suite.title}")
    return EXIT_OK
