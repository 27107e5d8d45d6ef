"""Does the nightly find a planted 5 %, and is it silent otherwise? Real nets, the real command, a store of its own.

    python tests/bench/planted.py [--folder FOLDER] [--history 17] [--clean 10] [--filter '32|fp'] [--profile quick]

Nights of the quick suite fill the history, `--clean` more must say nothing of any case. Then one net after the other is
replaced by itself with added operators until that is confirmed, for three nights at most: about as many operators as
make it 5 % slower, by a bare loop; 20 pairs of fresh processes tell how much slower it is. Run it on a machine that
does nothing else; nights follow each other at once, so real ones differ more. That the machine itself changed may be
told in any night, for it may have. With `--folder` it goes on where it was interrupted. 27 nights before the first
planted one are what the screen needs: a week, and twenty nights to be more extreme than. Exit code 1 where a night did
not say what it should.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from _rounds import keep, warn_if_busy
from _slow import RUNTIME, Slow, slow_net

from harness.nightly.baselines import TRIAL_NIGHTS

MODELS = ("mobilenet_v2-0.35-32", "shufflenet_v2-0.5-32", "efficientnet_lite0-0.3-32")
HEAD = ("night", "exit", "verdict", "ratio in its A/B", "true ratio", "evidence")
SILENT = frozenset({"transient"})
"""Kinds that are kept on file and told to nobody."""


def main() -> int:
    """Run the nights that are missing, print what each of them reported, and whether that is right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep nights, store and slow nets here, and go on with them")
    parser.add_argument("--history", type=int, default=17, help="nights before the first one judged here")
    parser.add_argument("--clean", type=int, default=10)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="nets to slow down")
    parser.add_argument("--percent", type=float, default=5.0, help="how much slower (default: 5)")
    parser.add_argument("--filter", default="32|fp", help="only cases whose id has this text (default: 12 cases)")
    parser.add_argument("--profile", default="quick")
    parser.add_argument("--images", default="1000")
    parser.add_argument("--out", type=Path, help="write the table there as JSON too")
    arguments = parser.parse_args()
    warn_if_busy()
    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.folder or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        rows, right = zip(*_nights(arguments, place), strict=True)
        keep(arguments.out, "planted", HEAD, rows)
        judged = [one for one in right if one is not None]
        minutes = (time.monotonic() - began) / 60
        print(f"\n{sum(judged)} of {len(judged)} nights said what they should; {minutes:.0f} min")
        for model in arguments.models:
            explain = _command("nightly", "show", f"{model}|fp32|{RUNTIME}")
            subprocess.run(explain, env=_environment(place), check=False)
    return int(not all(judged))


def _nights(arguments: argparse.Namespace, place: Path) -> Iterator[tuple[list[str], bool | None]]:
    """A row for each night, and whether it said what it should; None for history, of which nothing is asked."""
    for number in range(arguments.history):
        yield _row(name := f"history-{number + 1:02d}", _night(arguments, place, name)), None
    for number in range(arguments.clean):
        document = _night(arguments, place, name := f"clean-{number + 1:02d}")
        yield _row(name, document), not _told(document)
    for model in arguments.models:
        yield from _planted(arguments, place, slow_net(model, place, arguments.percent / 100))


def _planted(arguments: argparse.Namespace, place: Path, slow: Slow) -> Iterator[tuple[list[str], bool]]:
    """Nights with the slow net, until it is confirmed."""
    artifact = f"{slow.case}={place / slow.model}.onnx"
    for number in range(1, TRIAL_NIGHTS + 1):
        document = _night(arguments, place, name := f"planted-{slow.model}-{number}", "--artifact", artifact)
        told = _told(document)
        found, others = _confirmed(told, slow.case), [one for one in told if one["case_id"] != slow.case]
        yield _row(name, document, slow), not others and (found or number < TRIAL_NIGHTS)
        if found:
            return


def _night(arguments: argparse.Namespace, place: Path, name: str, *more: str) -> dict[str, Any]:
    """The verdicts of a night, which is spent now unless it has been."""
    out = place / name
    if not (out / "verdicts.json").is_file():
        shutil.rmtree(out, ignore_errors=True)
        options = ["--profile", arguments.profile, "--images", arguments.images, "--out", str(out), "--no-report"]
        command = _command("nightly", "run", "quick", "-k", arguments.filter, *options, *more)
        done = subprocess.run(command, env=_environment(place), capture_output=True, text=True, check=False)
        if not (out / "verdicts.json").is_file():
            sys.exit(f"{name} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    document: dict[str, Any] = json.loads((out / "verdicts.json").read_text(encoding="utf-8"))
    print(f"{name}: {document['headline']}", file=sys.stderr, flush=True)
    return document


def _confirmed(told: list[dict[str, Any]], case: str) -> bool:
    """The case's latency is a regression; more operators also load and weigh more."""
    return ("regression", f"{case} latency_p50_ns") in {(one["kind"], one["series"]) for one in told}


def _told(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What was said of cases."""
    return [one for one in document["outcomes"] if one["kind"] not in SILENT and one["case_id"]]


def _row(name: str, document: dict[str, Any], slow: Slow | None = None) -> list[str]:
    told = _told(document)
    paired = [one for one in told if one["evidence"].get("pairs")]
    return [
        name,
        str(document["exit_code"]),
        document["headline"],
        ", ".join(f"{one['ratio']:.3f} [{one['lo']:.3f}, {one['hi']:.3f}]" for one in paired),
        slow.text if slow else "",
        " / ".join(f"{one['series']}: {one['sentence']}" for one in told),
    ]


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edgebench", *arguments]


def _environment(place: Path) -> dict[str, str]:
    return {**os.environ, "EDGEBENCH_STORE": str((place / "store.sqlite").resolve())}


if __name__ == "__main__":
    sys.exit(main())
