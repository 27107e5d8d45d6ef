"""The Raspberry Pi's firmware: the mailbox buffer, the answers, and the way to it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from harness.core.hardware.raspberry_pi import throttle_word
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.sensors import raspberry_firmware
from harness.sensors.drivers import raspberry_pi
from harness.sensors.drivers.raspberry_pi import Pmic
from tests import trees


def firmware_fills(buffer: bytes, text: str, code: int = 0x80000000, status: int = 0) -> bytes:
    total, _, tag, size, _, _ = struct.unpack_from("=6I", buffer)
    head = struct.pack("=6I", total, code, tag, size, 0x80000000 | len(text), status)
    return head + text.encode() + b"\0" + buffer[len(head) + len(text) + 1 :]


def test_a_request_is_one_tag_that_fits_its_buffer() -> None:
    buffer = raspberry_firmware.pack_request("pmic_read_adc")

    total, code, tag, size, _, _ = struct.unpack_from("=6I", buffer)
    assert (total, code, tag) == (4096, 0, 0x00030080)
    assert len(buffer) == total
    assert 5 * 4 + size + 4 == total  # five words before the value, the end word behind it
    assert buffer[24:38] == b"pmic_read_adc\0"
    assert buffer[-4:] == b"\0\0\0\0"


def test_the_ioctl_number_is_the_drivers() -> None:
    assert struct.calcsize("P") << 16 | 0xC0006400 == raspberry_firmware._IOWR_100_0


def test_an_answer_is_the_text_up_to_its_nul() -> None:
    buffer = raspberry_firmware.pack_request("get_throttled")

    assert (
        raspberry_firmware.parse_response("get_throttled", firmware_fills(buffer, "throttled=0x50005"))
        == "throttled=0x50005"
    )


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [("", 0x80000001, 0), ("x", 0x80000000, 0x80000000), ('error=1 error_msg="Command not registered"', 0x80000000, 0)],
)
def test_a_refusal_is_missing(text: str, code: int, status: int) -> None:
    buffer = raspberry_firmware.pack_request("pmic_read_adc")

    refused = raspberry_firmware.parse_response("pmic_read_adc", firmware_fills(buffer, text, code, status))

    assert isinstance(refused, Missing)
    assert "pmic_read_adc" in refused.reason


def test_the_mailbox_asks_by_ioctl(monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(descriptor: int, number: int, buffer: bytearray) -> int:
        assert (descriptor, number) == (7, raspberry_firmware._IOWR_100_0)
        buffer[:] = firmware_fills(bytes(buffer), trees.pmic())
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)

    text = raspberry_firmware.Mailbox(HostFs(), 7).ask("pmic_read_adc")

    assert isinstance(text, str)
    amperes, volts = raspberry_pi.parse_pmic(text)
    assert sum(amperes[rail] * volts[rail] for rail in amperes) == pytest.approx(1.90053, abs=5e-6)


def test_a_failing_ioctl_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(*_: Any) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "ioctl", ioctl)

    assert raspberry_firmware.Mailbox(HostFs(), 7).ask("get_throttled") == Missing(
        "unavailable: device error: /dev/vcio"
    )


def test_a_closed_device_has_the_command_that_opens_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, *_: Any, **__: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr("shutil.which", lambda program: None)

    firmware = raspberry_firmware.open_firmware(HostFs())

    assert isinstance(firmware, Missing)
    assert "group 'video'" in firmware.reason


def test_vcgencmd_takes_over_outside_of_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(
        '#!/bin/sh\n[ "$1" = pmic_read_adc ] && echo "  VDD_A current(0)=2.0A\n  VDD_V volt(1)=1.5V" || echo ok\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(raspberry_firmware, "DEVICE", "/dev/there-is-no-vcio")

    sensor = Pmic(HostFs())

    assert [channel.in_window for channel in sensor.channels] == [False]
    assert sensor.read()[0].value == 3.0


def test_rails_are_paired_by_name_whatever_their_order() -> None:
    amperes, volts = raspberry_pi.parse_pmic(
        "B_V volt(0)=2.0V\nA_A current(9)=0.5A\nA_V volt(7)=4.0V\nB_A current(1)=0.25A\n"
    )

    assert {rail: amperes[rail] * volts[rail] for rail in amperes} == {"A": 2.0, "B": 0.5}


@pytest.mark.parametrize(("text", "bits"), [("0", 0), ("50005", 0x50005), ("throttled=0x50005", 0x50005)])
def test_throttle_words(text: str, bits: int) -> None:
    assert throttle_word(text) == bits


def test_a_board_before_pi_5_has_no_rails(tmp_path: Path) -> None:
    sensor = Pmic(HostFs(trees.write(tmp_path, {"cmd/vcgencmd/pmic_read_adc": 'error=2 error_msg="unknown"'})))

    assert sensor.channels == ()
    assert "before 5" in sensor.absent
