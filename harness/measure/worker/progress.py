"""What a worker has done so far, in a file that outlives it: one JSON object a line, appended between its phases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.measure.protocol import Phase

FILE = "progress.jsonl"


def note(out: str, **facts: Any) -> None:
    """Append facts; it takes some 50 us, so it stands between phases and in none. A full disk is no reason to end."""
    with suppress(OSError), Path(out, FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def noted(out: Path) -> dict[str, Any]:
    """Return all facts; without those of a line that was not finished."""
    try:
        lines = (out / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    facts: dict[str, Any] = {}
    for line in lines:
        try:
            facts |= json.loads(line)
        except ValueError:
            break
    return facts


def doing(facts: Mapping[str, Any], phase: Phase) -> str:
    """Return what a worker was doing when it ended, and how long it took for what it had done."""
    took = {name: f"{facts[name] / 1e9:.3g} s" for name in facts if name.endswith("_ns")}
    if "import_ns" not in facts:
        return "before the library was imported"
    imported = f"the library was imported in {took['import_ns']}"
    if "load_ns" not in facts:
        return f"while the model was loaded; {imported}"
    loaded = f"{imported}, the model loaded in {took['load_ns']}"
    if phase != "latency":
        return (
            f"after {facts.get('images', 'no')} images; {loaded}" if phase == "accuracy" else f"at its work; {loaded}"
        )
    if "first_inference_ns" not in facts:
        return f"in its first inference; {loaded}"
    first = f"{loaded}, the first inference took {took['first_inference_ns']}"
    if "warmup_median_ns" not in facts:
        return f"while it warmed up; {first}"
    return f"in the timed loop; {first}, {facts['warmup_n']} more {took['warmup_median_ns']} each"
