"""What a machine is: the facts, no live readings, and reasons for what cannot be read."""

from __future__ import annotations

import dataclasses
import json
import platform
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host import hardware
from harness.host.identity import identity
from harness.host.thermal import hottest_zone, wait_until_cool
from harness.host.virtualization import emulated
from tests import trees


def test_a_raspberry_pi_5(tmp_path: Path) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {**trees.raspberry_pi_5(), **trees.meminfo(8)})))

    assert machine.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert (machine.arch, machine.cpu_model, machine.cores) == ("aarch64", "4x Cortex-A76", 4)
    assert machine.memory_bytes == 8 * 2**30
    assert "asimddp" in machine.isa
    assert machine.unknown["kernel"] == "absent: /proc/sys/kernel/osrelease"
    json.dumps(dataclasses.asdict(machine))


def test_a_virtual_machine(tmp_path: Path) -> None:
    machine = identity(HostFs(trees.write(tmp_path, trees.virtual_machine())))

    assert (machine.arch, machine.cpu_model, machine.microcode) == ("x86_64", "Intel(R) Xeon(R) Processor", "0x1")
    assert machine.hypervisor == "unnamed"
    assert machine.board is None
    assert "board" in machine.unknown


def test_the_identity_holds_no_live_reading(tmp_path: Path) -> None:
    root = trees.write(tmp_path, {**trees.raspberry_pi_5(), "etc/machine-id": "abc"})
    before = identity(HostFs(root))
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("80000\n")
    (root / trees.CPU / "cpufreq/policy0/scaling_cur_freq").write_text("600000\n")

    assert identity(HostFs(root)) == before


def test_the_machine_id_is_hashed(tmp_path: Path) -> None:
    root = trees.write(tmp_path, {"etc/machine-id": "0123456789abcdef0123456789abcdef"})

    machine = identity(HostFs(root))

    assert machine.machine_id is not None
    assert "0123" not in machine.machine_id
    assert machine.machine_id != identity(HostFs(trees.write(tmp_path / "b", {"etc/machine-id": "1"}))).machine_id


def test_an_id_of_zeros_tells_no_two_machines_apart(tmp_path: Path) -> None:
    """Images of a system are written with such an id; the next file that holds one is the machine's own."""
    none = {"etc/machine-id": "0" * 32}
    assert identity(HostFs(trees.write(tmp_path / "a", none))).machine_id is None
    ids = {
        identity(HostFs(trees.write(tmp_path / serial, {**none, "proc/device-tree/serial-number": serial}))).machine_id
        for serial in ("100000001", "100000002")
    }
    assert len(ids - {None}) == 2


def test_an_empty_machine_has_a_reason_for_every_gap(tmp_path: Path) -> None:
    machine = identity(HostFs(tmp_path))

    gaps = {name for name, value in dataclasses.asdict(machine).items() if value is None}
    assert gaps == set(machine.unknown)
    assert len(gaps) >= 9


def test_big_and_little_cores_are_counted_apart(tmp_path: Path) -> None:
    core = "processor : {n}\nFeatures : asimd\nCPU implementer : 0x{i}\nCPU architecture: 8\nCPU part : 0x{p}\n\n"
    parts = [("41", "d07"), ("41", "d07"), ("4e", "003"), ("53", "001")]
    text = "".join(core.format(n=n, i=i, p=p) for n, (i, p) in enumerate(parts))

    cpu = hardware.cpu(HostFs(trees.write(tmp_path, {"proc/cpuinfo": text})))

    assert not isinstance(cpu, Missing)
    assert cpu.parts == {"Cortex-A57": 2, "Denver 2": 1, "implementer 0x53 part 0x1": 1}


@pytest.mark.parametrize("text", ["", "garbage", "Hardware : BCM2835"])
def test_a_cpuinfo_without_a_processor_is_missing(tmp_path: Path, text: str) -> None:
    assert hardware.cpu(HostFs(trees.write(tmp_path, {"proc/cpuinfo": text}))) == Missing(
        "no processor in /proc/cpuinfo"
    )


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
    ("machine", "files", "said"),
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, files: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)

    evidence = emulated(_Live(trees.write(tmp_path, files)))

    assert isinstance(evidence, str)
    assert said in evidence
    assert bool(evidence) == bool(said)


def test_the_hottest_zone_is_the_processors(tmp_path: Path) -> None:
    zones = [("iwlwifi_1", 90_000), ("x86_pkg_temp", 60_000), ("acpitz", 70_000)]
    files = {
        f"{trees.THERMAL}/thermal_zone{n}/{key}": value
        for n, (kind, temp) in enumerate(zones)
        for key, value in (("type", kind), ("temp", temp))
    }

    zone = hottest_zone(HostFs(trees.write(tmp_path, files)))

    assert zone is not None
    assert (zone.name, zone.temperature_c) == ("x86_pkg_temp", 60.0)


def test_cooling_down_ends_when_it_gets_no_cooler(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("65000\n")
    waits: list[float] = []

    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=waits.append)

    assert found.status == "warn"
    assert sum(waits) == 30.0
    assert "65.0 C after 30 s, limit 60 C" in found.found


def test_cooling_down_waits_until_it_is_cool(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    temp = root / "sys/class/thermal/thermal_zone0/temp"
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        temp.write_text(f"{70_000 - 5_000 * len(waits)}\n")

    temp.write_text("70000\n")
    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=sleep)

    assert (found.status, len(waits)) == ("ok", 2)
    assert "60.0 C" in found.found


def test_cooling_down_gives_up(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, trees.raspberry_pi_5()))

    found = wait_until_cool(fs, limit_c=40.0, timeout_s=10, sleep=lambda seconds: None)

    assert found.status == "warn"
    assert "after 10 s" in found.found


def test_cooling_down_without_a_thermometer_does_not_wait(tmp_path: Path) -> None:
    assert (
        wait_until_cool(HostFs(tmp_path), limit_c=40.0, sleep=lambda seconds: pytest.fail("waited")).status == "unknown"
    )
