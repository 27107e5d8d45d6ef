"""Which runtimes are meant where the user names none."""

from __future__ import annotations

from harness.core import plugins
from harness.core.artifact import SHIPPED

from .base import Adapter


def by_preference() -> list[tuple[str, Adapter]]:
    """Every runtime that need not be asked for by name, those of the formats that are shipped first."""
    found = [(name, one) for name, one in plugins.load_all("runtimes").items() if one.capability.by_default]
    return sorted(found, key=lambda pair: (SHIPPED.isdisjoint(pair[1].formats), pair[0]))
