"""Two writers that are killed again and again: `python -m tests.bench.store_kills [--kills 60] [--store PATH|URL]`.

Each writer makes run folders and adds them to the one store, and notes a run only after `append` has returned. One of
the two gets a SIGKILL at a random moment, half of the time after it has added at least one run, and is started again.
In the end every noted run must be in the
store with all its cases, no other may be there in part, and `Store.check` must find nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness.store.database.store import Store
from tests import factory

PLANS = factory.nets()[:2]
_LONGEST_WAIT_S = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, restart, look; 1 when anything is lost or torn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--store", help="an empty store (default: SQLite in a temporary folder)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        place = options.store or str(Path(scratch) / "store.sqlite")
        kill_writers(place, Path(scratch), options.kills, random.Random(options.seed))
        found = verify(place, Path(scratch))
    print(*found, sep="\n")
    return int(any(line.startswith("WRONG") for line in found))


def kill_writers(place: str, scratch: Path, kills: int, chance: random.Random) -> None:
    """Keep two writers going and kill one of them after the other, `kills` times in all."""
    writers = {name: start(name, place, scratch) for name in ("a", "b")}
    for _ in range(kills):
        name = chance.choice(sorted(writers))
        if chance.random() < 0.5:
            await_one_more(scratch, name)
        time.sleep(chance.uniform(0, _LONGEST_WAIT_S))
        end(writers[name])
        writers[name] = start(name, place, scratch)
    for name, writer in writers.items():  # the last state is that of a store that still works
        await_one_more(scratch, name)
        end(writer)


def await_one_more(scratch: Path, name: str) -> None:
    """Wait until the writer has added a run."""
    before = len(noted(scratch, name))
    while len(noted(scratch, name)) <= before:
        time.sleep(0.01)


def start(name: str, place: str, scratch: Path) -> int:
    """A writer in a process of its own, with nothing of a store in it yet; its id."""
    process = os.fork()
    if process == 0:
        write_for_ever(name, place, scratch)
    return process


def end(process: int) -> None:
    """SIGKILL, which no program can prepare for."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def write_for_ever(name: str, place: str, scratch: Path) -> None:
    """Make runs, add them, and note each that was acknowledged."""
    number = 0
    with Store(place) as store, (scratch / f"{name}.noted").open("a") as notes:
        while True:
            run_id = f"{name}-{os.getpid()}-{number}"
            folder = factory.write_run(scratch / run_id, PLANS, run_id=run_id)
            store.append(folder)
            notes.write(f"{run_id}\n")
            notes.flush()
            number += 1


def noted(scratch: Path, name: str) -> list[str]:
    """Runs that were acknowledged to a writer; a line without its end was cut off by the kill."""
    file = scratch / f"{name}.noted"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [line.rstrip("\n") for line in lines if line.endswith("\n")]


def verify(place: str, scratch: Path) -> list[str]:
    """What came of it, a line each; those that begin with WRONG are."""
    acknowledged = {run for name in ("a", "b") for run in noted(scratch, name)}
    with Store(place) as store:
        kept = set(store.runs().run)
        torn = sorted(run for run in kept if len(store.records(run)) != len(PLANS))
        problems = store.check()
    lines = [f"{len(acknowledged)} runs acknowledged, {len(kept)} in the store"]
    lines += [f"WRONG lost: {run}" for run in sorted(acknowledged - kept)]
    lines += [f"WRONG in part: {run}" for run in torn]
    return lines + [f"WRONG {problem}" for problem in problems]


if __name__ == "__main__":
    sys.exit(main())
