"""Do the tests notice a planted fault? Plant faults one at a time in a copy of the tree, and run the tests that should.

    python tests/bench/mutants.py [--area AREA ...] [--only NAME ...] [--jobs N] [--allow-missing-tests]

The faults are the tables of `tests/bench/mutants/<area>.toml`. The named tests must pass without a fault; then each
fault is killed (a test failed, or hung), or it survived. Prints a table by area and every survivor. The exit code is 1
where fewer than 95 % are killed, a fault no longer fits its file, or one that is marked equivalent is noticed.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
TABLES = Path(__file__).with_name("mutants")
LEAST_KILLED = 0.95
TIMEOUT_S = 300.0
"""Per fault: one that makes a test wait for ever is noticed too."""

_PACKAGES = ("harness", "reports", "suites", "targets", "tests", "edgebench")
_COPIED = ("harness", "reports", "suites", "targets", "tests", "docs", "edgebench", "pyproject.toml", "CITATION.cff")
_PASSED, _FAILED, _INTERRUPTED = 0, 1, 2
"""Exit codes of pytest; 2 is also that of a test module that cannot be imported."""

_IMPORTED = """
import importlib, pathlib, subprocess, sys

def test_the_copy_is_what_is_imported(tmp_path):
    check = "import {names}; print(*(m.__file__ or '' for m in ({names})), sep=chr(10))"
    names = {names_list!r}
    here = [importlib.import_module(name).__file__ for name in names]
    child = subprocess.run([sys.executable, "-c", check], cwd=tmp_path, capture_output=True, text=True, check=True)
    for file in (*here, *child.stdout.split()):
        assert pathlib.Path(file).is_relative_to({copy!r}), file
"""

State = Literal["killed", "survived", "stale", "broken"]


@dataclass(frozen=True)
class Mutant:
    """A planted fault.

    Attributes:
        name: Area and number within it, from 1.
        file: The changed file, relative to the root of the tree.
        old: Text that occurs exactly once in the file.
        new: The text that takes its place.
        tests: Test files or folders that should notice.
        why: What would be wrong.
        equivalent: Why no test can notice, empty where one can.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    why: str
    equivalent: str = ""

    @property
    def area(self) -> str:
        """The table that it is from."""
        return self.name.rpartition("-")[0]

    def planted(self, source: str) -> str:
        """Return the source with the fault.

        Raises:
            ValueError: The old text does not occur exactly once.
        """
        found = source.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: {self.old!r} occurs {found} times in {self.file}, expected once")
        return source.replace(self.old, self.new)


@dataclass(frozen=True)
class Outcome:
    """What became of a fault; `note` is the test that noticed it, or what is wrong with the fault."""

    mutant: Mutant
    state: State
    note: str
    seconds: float


def load(folder: Path = TABLES) -> list[Mutant]:
    """Return the faults of every table, by area and number."""
    return [
        Mutant(f"{path.stem}-{number}", tests=tuple(entry.pop("tests")), **entry)
        for path in sorted(folder.glob("*.toml"))
        for number, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], 1)
    ]


class Copy:
    """A copy of the tree in which faults are planted, with an environment that imports nothing but the copy."""

    def __init__(self, folder: Path) -> None:
        self._root = folder / "tree"
        self._scratch = folder / "scratch"
        self._planted = 0
        self._root.mkdir(parents=True)
        left_out = shutil.ignore_patterns("__pycache__", "node_modules")
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self._root / name, ignore=left_out)
            else:
                shutil.copy2(source, self._root / name)

    def check(self) -> None:
        """Raise RuntimeError unless tests, and processes that they start elsewhere, import the copy."""
        path = self._root / "test_imported.py"
        names = ", ".join(_PACKAGES)
        path.write_text(_IMPORTED.format(names=names, names_list=_PACKAGES, copy=str(self._root)), encoding="utf-8")
        code, output = self.test([path.name], TIMEOUT_S)
        path.unlink()
        if code != _PASSED:
            raise RuntimeError(f"the copy is not what is imported:\n{output}")

    def judge(self, mutant: Mutant) -> Outcome:
        """Plant a fault, run its tests, and take it out again."""
        began, path = time.monotonic(), self._root / mutant.file
        source, stamp = path.read_text(encoding="utf-8"), path.stat()
        try:
            faulty = mutant.planted(source)
        except ValueError as error:
            return Outcome(mutant, "stale", str(error), 0.0)
        # a second of its own for each fault: Python takes compiled code of the same size and second for up to date
        self._planted += 1
        path.write_text(faulty, encoding="utf-8")
        os.utime(path, (stamp.st_atime, stamp.st_mtime + self._planted))
        try:
            code, output = self.test(mutant.tests, TIMEOUT_S)
        finally:
            path.write_text(source, encoding="utf-8")
            os.utime(path, (stamp.st_atime, stamp.st_mtime))
        return Outcome(mutant, *_read(code, output), time.monotonic() - began)

    def test(self, tests: Iterable[str], timeout_s: float | None) -> tuple[int | None, str]:
        """Run tests in the copy until the first fails; the exit code of pytest, None after a time-out, and its output.

        What they keep for the user goes into a new folder, so that no fault is seen by the tests of the next.
        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        environment = {
            **os.environ,
            "PYTHONPATH": str(self._root),
            "XDG_CACHE_HOME": str(self._scratch / "cache"),
            "XDG_DATA_HOME": str(self._scratch / "data"),
        }
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=line"]
        with (self._scratch / "output.txt").open("w+", encoding="utf-8") as sink:
            run = subprocess.Popen(
                [*command, f"--basetemp={self._scratch / 'pytest'}", *tests],
                cwd=self._root,
                env=environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = run.wait(timeout_s)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if run.poll() is None:
                    os.killpg(run.pid, signal.SIGKILL)
                    run.wait()
            sink.seek(0)
            return code, sink.read()


def _read(code: int | None, output: str) -> tuple[State, str]:
    """What an exit code and the output of pytest say of a fault."""
    if code is None:
        return "killed", f"not finished after {TIMEOUT_S:g} s"
    failed = [line.partition(" - ")[0] for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if code in (_FAILED, _INTERRUPTED) and failed:
        return "killed", failed[0]
    if code == _PASSED:
        return "survived", ""
    return "broken", f"pytest ended with status {code}: {output.strip().splitlines()[-1:]}"


def judge_all(mutants: Sequence[Mutant], jobs: int) -> Iterator[Outcome]:
    """Judge every fault, each worker in a copy of its own.

    Raises:
        RuntimeError: The tests fail without a fault, so that they prove nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: queue.Queue[Copy] = queue.Queue()
        for number in range(jobs):
            copies.put(Copy(Path(folder) / str(number)))
        first = copies.get()
        first.check()
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        print(f"without a fault: {', '.join(tests)}", flush=True)
        code, output = first.test(tests, None)
        if code != _PASSED:
            raise RuntimeError(f"these tests fail without a fault:\n{output[-4000:]}")
        copies.put(first)

        def one(mutant: Mutant) -> Outcome:
            copy = copies.get()
            try:
                return copy.judge(mutant)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(one, mutants)


def existing(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """The faults with those of their tests that exist, and a warning for each that does not."""
    warned: set[str] = set()
    for mutant in mutants:
        there = tuple(test for test in mutant.tests if (ROOT / test).exists())
        for test in set(mutant.tests) - set(there) - warned:
            print(f"warning: {test} does not exist", file=sys.stderr)
            warned.add(test)
        if there:
            yield dataclasses.replace(mutant, tests=there)
        else:
            print(f"warning: {mutant.name} has no test: left out", file=sys.stderr)


def summary(outcomes: Sequence[Outcome]) -> tuple[str, bool]:
    """Return a table by area with what is wrong below it, and whether enough faults are killed."""
    counts = {area: Counter[str]() for area in sorted({one.mutant.area for one in outcomes})}
    for one in outcomes:
        expected = "equivalent" if one.mutant.equivalent and one.state == "survived" else one.state
        counts[one.mutant.area].update([expected, "planted"])
    columns = ("planted", "killed", "survived", "equivalent", "stale", "broken")
    total = sum(counts.values(), Counter())
    lines = [f"{'area':16}" + "".join(f"{column:>12}" for column in columns)]
    for area, found in (*counts.items(), ("all", total)):
        lines.append(f"{area:16}" + "".join(f"{found[column]:12}" for column in columns))
    for one in outcomes:
        mutant = one.mutant
        if one.state == "killed" and mutant.equivalent:
            lines.append(f"\n{mutant.name} is marked equivalent, and yet noticed by {one.note}")
        elif one.state != "killed" and not (one.state == "survived" and mutant.equivalent):
            lines.append(f"\n{mutant.name} {one.state} {one.note}\n  {mutant.file}: {mutant.why}")
            lines.append(f"  - {mutant.old}\n  + {mutant.new}\n  tests: {', '.join(mutant.tests)}")
    judged = total["killed"] + total["survived"]
    share = total["killed"] / judged if judged else 1.0
    lines.append(f"\n{total['killed']} of {judged} faults are noticed: {share:.1%} (at least {LEAST_KILLED:.0%})")
    wrong = any(
        one.state in ("stale", "broken") or (one.state == "killed" and one.mutant.equivalent) for one in outcomes
    )
    return "\n".join(lines), share >= LEAST_KILLED and not wrong


def main() -> int:
    """Plant the chosen faults and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", nargs="+", help="only the faults of these tables (default: all)")
    parser.add_argument("--only", nargs="+", help="only the faults of these names, such as stats-3")
    parser.add_argument("--jobs", type=int, default=1, help="copies of the tree to work in at once (default: 1)")
    parser.add_argument(
        "--allow-missing-tests", action="store_true", help="ignore tests that do not exist, with a warning"
    )
    arguments = parser.parse_args()
    chosen = [
        mutant
        for mutant in load()
        if (not arguments.area or mutant.area in arguments.area)
        and (not arguments.only or mutant.name in arguments.only)
    ]
    if not chosen:
        parser.error("no fault has such a name or area")
    if arguments.allow_missing_tests:
        chosen = list(existing(chosen))
    outcomes = []
    for one in judge_all(chosen, arguments.jobs):
        outcomes.append(one)
        print(f"{one.mutant.name:16} {one.state:9} {one.seconds:5.0f} s  {one.note or one.mutant.why}", flush=True)
    text, enough = summary(outcomes)
    print(f"\n{text}")
    return int(not enough)


if __name__ == "__main__":
    raise SystemExit(main())
