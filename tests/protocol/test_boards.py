"""The promises of docs/boards.md, one test each, on trees of files that re-create boards."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.host.identity import identity
from tests import trees

# --- which unit it is

SERIAL = "proc/device-tree/serial-number"
DMI = "sys/class/dmi/id"
SYSTEM = {"etc/machine-id": "1c4ad377574c4263adbb7c624b6a3429"}
OTHER_SYSTEM = {"etc/machine-id": "9d3b0a51c8cf4a0c8f8f7a5f0d1c2b3a"}


def unit(root: Path, files: trees.Tree) -> tuple[str | None, str]:
    """Return the unit's id and the file it comes from."""
    machine = identity(HostFs(trees.write(root, files)))
    return machine.unit_id, machine.unit_source


def test_copies_of_one_sd_card_are_two_units(tmp_path: Path) -> None:
    first, second = (
        identity(HostFs(trees.write(tmp_path / serial, {**SYSTEM, SERIAL: f"{serial}\0".encode()})))
        for serial in ("c1a5d9f3b2e4a601", "77aa01be3c9d4e52")
    )

    assert first.machine_id == second.machine_id
    assert first.unit_id != second.unit_id
    assert first.unit_source == second.unit_source == f"/{SERIAL}"


def test_a_new_installation_is_the_same_unit(tmp_path: Path) -> None:
    before, after = (
        identity(HostFs(trees.write(tmp_path / str(number), {**system, SERIAL: "c1a5d9f3b2e4a601"})))
        for number, system in enumerate((SYSTEM, OTHER_SYSTEM))
    )

    assert before.machine_id != after.machine_id
    assert before.unit_id == after.unit_id


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({SERIAL: b"1423920065921\0"}, SERIAL),
        ({f"{DMI}/product_serial": "PF3ABCDE"}, f"{DMI}/product_serial"),
        ({f"{DMI}/product_serial": "To be filled by O.E.M.", f"{DMI}/board_serial": "BTPF1"}, f"{DMI}/board_serial"),
        ({"sys/devices/soc0/serial_number": "0x1a2b3c4d5e"}, "sys/devices/soc0/serial_number"),
        (
            {"proc/cpuinfo": "processor : 0\n\nRevision\t: d04170\nSerial\t\t: 10000000a1b2c3d4\nModel : Pi"},
            "proc/cpuinfo",
        ),
    ],
)
def test_the_unit_id_names_the_file_it_comes_from(tmp_path: Path, files: trees.Tree, source: str) -> None:
    assert unit(tmp_path, {**SYSTEM, **files})[1] == f"/{source}"


@pytest.mark.parametrize(
    "text",
    [
        "To be filled by O.E.M.", "To Be Filled By O.E.M.", "Default string", "System Serial Number", "Not Specified",
        "Not Applicable", "None", "N/A", "0", "0000000000000000", "0123456789", "123456789", "0123456789ABCDEF",
        "xxxxxxxx", "........", "INVALID", "Unknown", "OEM", "Chassis Serial Number", "$(DEFAULT_STRING)", "\x00",
        "FFFFFFFFFFFF", "Standard", "EMPTY", "Not Available", "Fill By OEM",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_serial_number(tmp_path: Path, text: str) -> None:
    files = {
        **SYSTEM,
        f"{DMI}/product_serial": text,
        SERIAL: text.encode(),
        "proc/cpuinfo": f"processor : 0\nSerial : {text}",
    }

    assert unit(tmp_path, files)[1] == "/etc/machine-id"


@pytest.mark.parametrize("system", ["uninitialized", "", "0" * 32])
def test_a_unit_that_nothing_identifies_has_a_reason(tmp_path: Path, system: str) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {"etc/machine-id": system})))

    assert (machine.unit_id, machine.unit_source) == (None, "")
    assert "holds a serial number" in machine.unknown["unit_id"]
    assert "/etc/machine-id" in machine.unknown["unit_id"]


def test_the_serial_number_is_in_no_record(tmp_path: Path) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {**SYSTEM, SERIAL: b"c1a5d9f3b2e4a601\0"})))

    text = json.dumps(dataclasses.asdict(machine))
    assert "c1a5d9f3" not in text
    assert "1c4ad377" not in text
