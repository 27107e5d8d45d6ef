"""Stores to test with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.store.database.store import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store."""
    with Store(store_url) as opened:
        yield opened
