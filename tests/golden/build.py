"""Writes the frozen run of this version's schema: `python -m tests.golden.build` in the project's root.

A frozen run is never written again once a version with its schema was released: later versions must read these bytes.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.core.record import SCHEMA
from tests import factory

GOLDEN = Path(__file__).parent
PROVENANCE = {
    "repository": {"commit": "0123abc", "dirty": True},
    "edgebench": {"reason": "installed, not run from a repository"},
    "target": {"name": "x86-64", "kind": "generic", "sha256": "ab" * 32},
    "power_supply": {"reason": "not given (--power-supply)"},
    "ambient_c": 21.5,
}


def plans() -> list[factory.Plan]:
    """A case that went well, and some that did not."""
    return [factory.nets(joules=True)[0], *factory.troubled()[:4]]


if __name__ == "__main__":
    place = GOLDEN / f"run-v{SCHEMA}"
    shutil.rmtree(place, ignore_errors=True)
    factory.write_run(place, plans(), leave_out=1, provenance=PROVENANCE)
