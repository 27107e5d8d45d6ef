"""ImageNet's 1000 classes: WordNet ids in the order of a net's outputs, and how the ILSVRC 2012 kit numbers them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

CLASSES = 1000


@cache
def indices() -> Mapping[str, int]:
    """A WordNet id ('n01440764') to its class index: the ids sorted, counted from 0, as published nets do."""
    return {wnid: index for index, (wnid, _) in enumerate(_table())}


@cache
def kit_indices() -> Mapping[int, int]:
    """ILSVRC2012_ID, 1 to 1000 in the order of the kit's own list, to the class index."""
    return {number: index for index, (_, number) in enumerate(_table())}


@cache
def _table() -> tuple[tuple[str, int], ...]:
    lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple((wnid, int(number)) for wnid, number in map(str.split, lines))
