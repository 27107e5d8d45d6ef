"""A loaded machine is no reason to fail: property tests here have no time limit an example."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("analysis", deadline=None)
settings.load_profile("analysis")
