"""What a compression setting, or a composition of several, can bring on a machine: told by the settings themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from harness.core import plugins


def settings_of(compression: str) -> list[Any]:
    """The registered settings that a case's compression is composed of ('channel-pruned-50+int8-static')."""
    known = plugins.load_all("compression")
    return [known[part] for part in compression.split("+") if part in known]


def prospects(compression: str, isa: Collection[str]) -> list[str]:
    """One sentence a setting that has something to say, for a processor with the features `isa` (empty: unknown)."""
    return [words for setting in settings_of(compression) if (words := setting.prospect(isa))]
