"""Runtimes that fail as real ones do; the worker imports them by name, from PYTHONPATH."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.runtimes.base import Options, SessionError
from harness.runtimes.null import NullRuntime, NullSession


class Faulty(NullRuntime):
    """Opens a session whose infer does what it is told; `open` itself may fail too."""

    def __init__(self, name: str, at: str, what: Any) -> None:
        self.name, self.at, self.what = name, at, what

    def open(self, path: Path, options: Options) -> NullSession:
        if self.at == "open":
            self.what()
        session = NullSession()
        if self.at == "infer":
            session.infer = self.what  # type: ignore[method-assign]
        return session


def refuse() -> None:
    raise SessionError("operator Frobnicate is not supported")


def fail() -> None:
    raise RuntimeError("bad kernel")


def hang() -> None:
    time.sleep(3600)


def segfault() -> None:
    ctypes.string_at(0)


def leave() -> None:
    os._exit(7)


def be_killed() -> None:
    os.kill(os.getpid(), 9)


def run_out_of_memory() -> None:
    np.ones(1 << 60, np.uint8)


def swell() -> None:
    """Take and touch 16 MiB at a time, for ever."""
    held = []
    while True:
        held.append(np.ones(16 << 20, np.uint8))


LEAKED: list[Any] = []
LEAK_BYTES = 400 << 10


def leak() -> None:
    """Keep 400 KiB."""
    LEAKED.append(np.ones(LEAK_BYTES, np.uint8))


def abort() -> None:
    os.abort()


def babble() -> None:
    sys.stdout.write("\x00\xff garbage { [ " * 50)


REFUSES = Faulty("refuses", "open", refuse)
FAILS = Faulty("fails", "infer", fail)
HANGS = Faulty("hangs", "infer", hang)
SEGFAULTS = Faulty("segfaults", "infer", segfault)
LEAKS = Faulty("leaks", "infer", leak)
LEAVES = Faulty("leaves", "infer", leave)
KILLED = Faulty("killed", "infer", be_killed)
HUNGRY = Faulty("hungry", "infer", run_out_of_memory)
BABBLES = Faulty("babbles", "infer", babble)
SWELLS = Faulty("swells", "infer", swell)
ABORTS = Faulty("aborts", "infer", abort)
