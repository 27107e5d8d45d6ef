"""What `edgebench data` knows: sets that ship with the project, and what its user fetches, by name."""

from __future__ import annotations

from collections.abc import Mapping

from .mini_imagenet import MiniImagenet
from .published_weights import Fetchable, ImagenetWeights

FETCHABLE: Mapping[str, Fetchable] = {each.name: each for each in (ImagenetWeights(), MiniImagenet())}
"""By name, as `edgebench data fetch` takes it."""
