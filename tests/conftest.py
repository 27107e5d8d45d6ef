"""Settings of all tests."""

from __future__ import annotations

import gc
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests start hundreds of processes: where the environment forbids bytecode, each of them would compile every module.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test may depend on time, on a busy machine either; and the same examples every time, so that a failure can be
# looked at again; `pytest --hypothesis-profile=explore` draws new ones.
settings.register_profile("repeat", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("repeat")


@pytest.fixture(scope="session", autouse=True)
def _data_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The store of whoever runs the tests stays as it is: their runs are not his."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.delenv("EDGEBENCH_STORE", raising=False)
        yield


@pytest.fixture(scope="session")
def _states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _history_of_its_own(_states: Iterator[Path]) -> Iterator[None]:
    """Nor is any test's machine the same as another's: what one remembers of its speed is nothing to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(next(_states)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Nothing here outlives a power cut: what tests kill are processes, and the kernel keeps what those wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _frozen_objects_are_counted_once() -> Iterator[None]:
    """CPython counts them one by one: 0.1 s with all that a test session holds, where a worker holds little."""
    count, freeze, unfreeze = gc.get_freeze_count, gc.freeze, gc.unfreeze
    counted: list[int] = []
    frozen: list[bool] = []

    def count_once() -> int:
        if frozen and not counted:
            counted.append(count())
        return counted[0] if frozen else 0

    def note_freeze() -> None:
        freeze()
        frozen.append(True)

    def note_unfreeze() -> None:
        unfreeze()
        frozen.clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "get_freeze_count", count_once)
        patch.setattr(gc, "freeze", note_freeze)
        patch.setattr(gc, "unfreeze", note_unfreeze)
        yield
