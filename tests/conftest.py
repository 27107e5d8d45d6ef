"""Settings of all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test may depend on time, on a busy machine either; and the same examples every time, so that a failure can be
# looked at again; `pytest --hypothesis-profile=explore` draws new ones.
settings.register_profile("repeat", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("repeat")
