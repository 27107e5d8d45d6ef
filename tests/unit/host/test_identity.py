"""What a machine is: the facts, no live readings, and reasons for what cannot be read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host import hardware
from harness.host.identity import identity
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


def test_an_id_of_zeros_does_not_identify_a_machine(tmp_path: Path) -> None:
    """System images have such an id; the next file with another one identifies the machine."""
    none = {"etc/machine-id": "0" * 32}
    assert identity(HostFs(trees.write(tmp_path / "a", none))).machine_id is None
    ids = {
        identity(HostFs(trees.write(tmp_path / serial, {**none, "proc/device-tree/serial-number": serial}))).machine_id
        for serial in ("100000001", "100000002")
    }
    assert len(ids - {None}) == 2


SERIAL = "proc/device-tree/serial-number"
DMI = "sys/class/dmi/id"
SYSTEM = {"etc/machine-id": "1c4ad377574c4263adbb7c624b6a3429"}
OTHER_SYSTEM = {"etc/machine-id": "9d3b0a51c8cf4a0c8f8f7a5f0d1c2b3a"}


def unit(root: Path, files: trees.Tree) -> tuple[str | None, str]:
    """Return the unit's id and the file it comes from."""
    machine = identity(HostFs(trees.write(root, files)))
    return machine.unit_id, machine.unit_source


def test_one_serial_number_in_two_files_is_one_unit(tmp_path: Path) -> None:
    """A container hides the device tree of its board, but not /proc/cpuinfo."""
    inside = unit(tmp_path / "a", {"proc/cpuinfo": "processor : 0\nSerial : 10000000A1B2C3D4"})
    outside = unit(tmp_path / "b", {SERIAL: b"10000000a1b2c3d4\0"})

    assert inside[0] == outside[0]


def test_a_unit_without_a_serial_number_is_its_system_and_says_so(tmp_path: Path) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {**SYSTEM, f"{DMI}/product_serial": "Default string"})))

    assert machine.unit_source == "/etc/machine-id"
    assert machine.unknown["unit_serial"] == f"/{DMI}/product_serial holds 'Default string'"


def test_a_serial_number_that_only_root_reads_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = HostFs(trees.write(tmp_path, SYSTEM))
    denied = Missing(f"denied: /{DMI}/product_serial")
    read = HostFs.read
    monkeypatch.setattr(
        HostFs, "read", lambda self, name: denied if "dmi/id/product_serial" in name else read(self, name)
    )

    machine = identity(fs)

    assert machine.unit_source == "/etc/machine-id"
    assert "root alone may read it" in machine.unknown["unit_serial"]


def test_an_empty_machine_has_a_reason_for_every_gap(tmp_path: Path) -> None:
    machine = identity(HostFs(tmp_path))

    gaps = {name for name, value in dataclasses.asdict(machine).items() if value is None}
    assert {*gaps, "hypervisor"} == set(machine.unknown)
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
