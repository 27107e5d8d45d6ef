"""Ask a Raspberry Pi's firmware through /dev/vcio: the answer of `vcgencmd`, without its fork of some 10 ms.

The mailbox takes a buffer of 32-bit words: total size, request code 0, then a tag (number, size of its value, 0), the
value, and an end word 0. Tag 0x00030080 takes a command line and gives back a status word and text
(firmware wiki 'Mailbox property interface'; the ioctl is _IOWR(100, 0, char *)).
"""

from __future__ import annotations

import os
import struct
from typing import Protocol

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing

DEVICE = "/dev/vcio"
_TAG_GENCMD = 0x00030080
_BUFFER_BYTES = 4096
_HEADER = struct.Struct("=6I")  # total, code, tag, value size, value length, status
_END_BYTES = 4
_FAILURE = 0x80000001
_IOWR_100_0 = 0xC0000000 | struct.calcsize("P") << 16 | 100 << 8


class Firmware(Protocol):
    """Something that answers firmware commands such as 'pmic_read_adc'."""

    in_window: bool

    def ask(self, command: str) -> str | Missing:
        """The firmware's text."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


def open_firmware(fs: HostFs) -> Firmware | Missing:
    """The quickest way to the firmware on this machine; Missing where there is none.

    On a recorded tree: its recorded answers. On a Raspberry Pi: the ioctl, or `vcgencmd` where /dev/vcio may not be
    opened, which forks and so must stay outside of measured windows (`in_window` False).
    """
    if not fs.live:
        return RecordedFirmware(fs)
    try:
        return Mailbox(fs, os.open(DEVICE, os.O_RDWR))
    except OSError as error:
        why = fs.why(DEVICE, error)
    told = fs.command("vcgencmd", "version")
    if isinstance(told, Missing):
        remedy = ": add yourself to the group 'video'" if why.reason.startswith("denied") else ""
        return Missing(f"no Raspberry Pi firmware: {why.reason}{remedy}; {told.reason}")
    return Vcgencmd(fs)


class Mailbox:
    """/dev/vcio, kept open."""

    in_window = True

    def __init__(self, fs: HostFs, descriptor: int) -> None:
        self._fs = fs
        self._descriptor = descriptor

    def ask(self, command: str) -> str | Missing:
        """One ioctl; an error of the device or of the firmware is Missing."""
        import fcntl

        buffer = bytearray(pack_request(command))
        try:
            fcntl.ioctl(self._descriptor, _IOWR_100_0, buffer)
        except OSError as error:
            return self._fs.why(DEVICE, error)
        result = parse_response(command, bytes(buffer))
        raw = result if isinstance(result, Missing) else result.encode()
        self._fs.note(f"/cmd/vcgencmd/{command.replace(' ', '_')}", raw)
        return result

    def close(self) -> None:
        """Release the device."""
        os.close(self._descriptor)


class Vcgencmd:
    """The command, by a fork each time."""

    in_window = False

    def __init__(self, fs: HostFs) -> None:
        self._fs = fs

    def ask(self, command: str) -> str | Missing:
        """What `vcgencmd` prints."""
        return self._fs.command("vcgencmd", *command.split())

    def close(self) -> None:
        """Nothing is kept open."""


class RecordedFirmware:
    """Answers of a recorded tree, in files kept open."""

    in_window = True

    def __init__(self, fs: HostFs) -> None:
        self._fs = fs
        self._files: dict[str, OpenFile] = {}

    def ask(self, command: str) -> str | Missing:
        """The recorded text."""
        name = f"/cmd/vcgencmd/{command.replace(' ', '_')}"
        if name not in self._files:
            self._files[name] = self._fs.open(name)
        return self._files[name].read()

    def close(self) -> None:
        """Release the files."""
        for file in self._files.values():
            file.close()


def pack_request(command: str) -> bytes:
    """The mailbox buffer that asks for `command`."""
    value_bytes = _BUFFER_BYTES - _HEADER.size + 4 - _END_BYTES  # the status word belongs to the value
    header = _HEADER.pack(_BUFFER_BYTES, 0, _TAG_GENCMD, value_bytes, 0, 0)
    return (header + command.encode() + b"\0").ljust(_BUFFER_BYTES, b"\0")


def parse_response(command: str, buffer: bytes) -> str | Missing:
    """The text in a buffer the firmware has filled, or its refusal."""
    _, code, _, _, _, status = _HEADER.unpack_from(buffer)
    if code == _FAILURE:
        return Missing(f"unavailable: the firmware refused '{command}' (code {code:#x})")
    text = buffer[_HEADER.size :].split(b"\0", 1)[0].decode("utf-8", "replace")
    if status or text.startswith("error="):
        return Missing(f"unavailable: the firmware does not know '{command}' ({text.strip() or status})")
    return text
