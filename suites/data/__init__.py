"""Data sets and weights that `edgebench data fetch` brings, by name."""

from __future__ import annotations

from collections.abc import Mapping

from .mini_imagenet import MiniImagenet
from .published_weights import Fetchable, ImagenetWeights

FETCHABLE: Mapping[str, Fetchable] = {fetchable.name: fetchable for fetchable in (ImagenetWeights(), MiniImagenet())}
"""By name, as `edgebench data fetch` takes it."""
