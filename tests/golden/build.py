"""Writes the frozen runs: `python -m tests.golden.build` in the project's root.

A frozen run is never written again once a version with its schema was released: later versions must read these bytes.
"""

from __future__ import annotations

from pathlib import Path

from tests import factory

GOLDEN = Path(__file__).parent


def plans() -> list[factory.Plan]:
    """A few cases of every kind."""
    return [*factory.nets(joules=True)[:4], *factory.troubled()]


if __name__ == "__main__":
    factory.write_run(GOLDEN / "run-v1", plans(), leave_out=1)
