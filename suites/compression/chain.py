"""Settings composed in order: ``channel-pruned-50+distilled+int8-static``."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import UsageError
from harness.core.plugins import load

from .base import Compression
from .tuned import Tuned


@dataclass(frozen=True)
class Chain:
    """Settings that train, tuned together in one run, then one post-training setting for the tuned net's file."""

    tuned: tuple[Tuned, ...]
    last: Compression

    @classmethod
    def parse(cls, name: str) -> Chain:
        """From names joined by ``+``. UnknownName for a part, UsageError where a post-training one is not the last."""
        parts: list[Compression] = [load("compression", part) for part in name.split("+")]
        tuned = tuple(part for part in parts if isinstance(part, Tuned))
        after = [part for part in parts if not isinstance(part, Tuned)]
        if len(after) > 1 or parts != [*tuned, *after] or len(set(parts)) < len(parts):
            raise UsageError(
                f"{name!r} cannot be composed in this order",
                "settings that train come first, each once, then at most one that does not",
            )
        ends = {part.then for part in tuned if part.then != "fp32"} | {part.name for part in after}
        if len(ends) > 1:
            raise UsageError(f"{name!r}: its parts end in {' and '.join(sorted(ends))}", "leave one of them out")
        return cls(tuned, load("compression", ends.pop() if ends else "fp32"))

    @property
    def tuning(self) -> str:
        """Name of the tuned float net, empty where nothing is trained; a checkpoint is called so."""
        return "+".join(part.name for part in self.tuned)
