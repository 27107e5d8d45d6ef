"""Which files of edgebench a run of one case enters: what one must know to follow it from the command to the figure.

    python tests/bench/main_path.py [--json]

Prints the files, by package, of two processes: that of the command and the latency pass's worker. 'called' are files a
function of which is called; 'imported' are the rest. Files that only gather a package (`__init__.py`) without a
function called do not count. The command, without its report, has at most 80 called files outside of the command line
and the table; the worker has at most 20 files of either kind. Nothing is added to the product for this: see
`entered/sitecustomize.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edgebench", "harness", "reports", "suites", "targets")
AROUND = ("harness/cli/", "reports/")
"""What reads the command and prints the table; the run itself is the rest."""
RUN = (
    *("run", "quick", "-k", "mobilenet_v2-0.35", "-k", "fp32", "-k", "onnxruntime"),
    *("--profile", "smoke", "--images", "100", "--no-report"),
)
MOST_CALLED_BY_COMMAND = 80
MOST_IN_WORKER = 20


@dataclass(frozen=True)
class Entered:
    """Files a process enters, relative to the project: those a function of which is called, and the rest."""

    called: tuple[str, ...]
    imported: tuple[str, ...]

    @property
    def run(self) -> tuple[str, ...]:
        """Called files that are neither the command line's nor the table's."""
        return tuple(file for file in self.called if not file.startswith(AROUND))


def main() -> None:
    """Run the case and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    as_json = parser.parse_args().json
    command, worker = run()
    if as_json:
        print(json.dumps({"command": asdict(command), "worker": asdict(worker)}, indent=1))
        return
    for name, process in (("command", command), ("worker of the latency pass", worker)):
        _print(f"{name}: called", process.called)
        _print(f"{name}: imported only", process.imported)
    n_worker = len(worker.called) + len(worker.imported)
    n_run = len(command.run)
    print(f"command: {n_run} called without command line and table, {len(command.called)} with them,", end=" ")
    print(f"{len(command.imported)} imported only; at most {MOST_CALLED_BY_COMMAND} of the first are wanted")
    print(f"worker: {n_worker}, of which {len(worker.called)} called; at most {MOST_IN_WORKER} are wanted")


def run() -> tuple[Entered, Entered]:
    """What the command and the last worker of its latency pass enter in one run."""
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch) / "notes"
        notes.mkdir()
        paths = os.pathsep.join((str(Path(__file__).parent / "entered"), str(ROOT)))
        environment = {**os.environ, "PYTHONPATH": paths, "EDGEBENCH_ENTERED": str(notes)}
        arguments = [sys.executable, "-m", "edgebench", *RUN, "--out", str(Path(scratch) / "run")]
        subprocess.run(arguments, check=True, env=environment, stdout=subprocess.DEVNULL)
        (command,) = notes.glob("command-*.json")
        # The null runtime, whose loop is the harness's overhead, has the first of them; the case's is larger.
        workers = map(_read, notes.glob("latency-*.json"))
        return _read(command), max(workers, key=lambda one: len(one.called) + len(one.imported))


def _read(path: Path) -> Entered:
    noted = json.loads(path.read_text(encoding="utf-8"))
    called = _ours(noted["called"])
    imported = {file for file in _ours(noted["imported"]) if not file.endswith("/__init__.py")}
    return Entered(tuple(sorted(called)), tuple(sorted(imported - called)))


def _ours(files: Sequence[str]) -> set[str]:
    """Python files of the project, relative to it."""
    found = (Path(file).relative_to(ROOT) for file in files if file.endswith(".py") and Path(file).is_relative_to(ROOT))
    return {str(file) for file in found if file.parts[0] in PACKAGES}


def _print(title: str, files: Sequence[str]) -> None:
    packages: dict[str, list[str]] = defaultdict(list)
    for file in files:
        packages[str(Path(file).parent)].append(Path(file).name)
    print(f"{title}: {len(files)}")
    for package, names in sorted(packages.items()):
        print(f"  {package:28} {len(names):3}  {' '.join(name.removesuffix('.py') for name in names)}")
    print()


if __name__ == "__main__":
    main()
