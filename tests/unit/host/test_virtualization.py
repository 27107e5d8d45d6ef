"""How emulation of the CPU is recognised."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.host.virtualization import emulated
from tests import trees


class _Live(HostFs):
    """A tree that stands for this very machine."""

    @property
    def live(self) -> bool:
        return True


ARM = {
    "proc/cpuinfo": "processor : 0\nFeatures : asimd\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd0b\n"
}
X86 = {"proc/cpuinfo": "processor : 0\nflags : lm\n"}


@pytest.mark.parametrize(
    ("machine", "files", "expected"),
    [
        ("aarch64", ARM, ""),
        ("armv7l", ARM, ""),
        ("x86_64", X86, ""),
        ("aarch64", X86, "/proc/cpuinfo shows x86_64"),
        ("aarch64", {**ARM, "proc/sys/kernel/arch": "x86_64"}, "the kernel runs on x86_64"),
        ("aarch64", {**ARM, "proc/thread-self/maps": "7f00 r-xp /usr/bin/qemu-aarch64-static"}, "qemu interpreter"),
    ],
)
def test_emulation_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, files: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)

    evidence = emulated(_Live(trees.write(tmp_path, files)))

    assert isinstance(evidence, str)
    assert expected in evidence
    assert bool(evidence) == bool(expected)
