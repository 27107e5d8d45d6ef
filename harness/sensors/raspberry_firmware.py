"""Query a Raspberry Pi's firmware through /dev/vcio: the answers of `vcgencmd`, without its fork of some 10 ms.

The mailbox takes a buffer of 32-bit words: total size, request code 0, then a tag (number, size of its value, 0), the
value, and an end word 0. Tag 0x00030080 takes a command line and returns a status word and text. See 'Mailbox property
interface' in the wiki of the firmware; the ioctl is _IOWR(100, 0, char *).
"""

from __future__ import annotations

import os
import struct
from typing import Protocol

from harness.core.hardware.raspberry_pi import firmware_answer
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
    """A way to the firmware.

    Attributes:
        in_window: Whether it is cheap enough to be used within a measured window.
    """

    in_window: bool

    def ask(self, command: str) -> str | Missing:
        """Return the firmware's text for a command such as 'pmic_read_adc'."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


def open_firmware(fs: HostFs) -> Firmware | Missing:
    """Return the fastest way to the firmware on this machine; Missing where there is none.

    On a recorded tree these are its recorded answers. On a Raspberry Pi it is the ioctl, or `vcgencmd` where /dev/vcio
    may not be opened, which forks and so must stay outside of measured windows.
    """
    if not fs.live:
        return RecordedFirmware(fs)
    try:
        return Mailbox(fs, os.open(DEVICE, os.O_RDWR))
    except OSError as error:
        refused = fs.missing(DEVICE, error)
    version = fs.command("vcgencmd", "version")
    if isinstance(version, Missing):
        remedy = ": add yourself to the group 'video'" if refused.reason.startswith("denied") else ""
        return Missing(f"no Raspberry Pi firmware: {refused.reason}{remedy}; {version.reason}")
    return Vcgencmd(fs)


class Mailbox:
    """The mailbox device, which stays open."""

    in_window = True

    def __init__(self, fs: HostFs, descriptor: int) -> None:
        self._fs = fs
        self._descriptor = descriptor

    def ask(self, command: str) -> str | Missing:
        """Return the answer to one ioctl; an error of the device or of the firmware is Missing."""
        import fcntl

        buffer = bytearray(pack_request(command))
        try:
            fcntl.ioctl(self._descriptor, _IOWR_100_0, buffer)
        except OSError as error:
            return self._fs.missing(DEVICE, error)
        result = parse_response(command, bytes(buffer))
        raw = result if isinstance(result, Missing) else result.encode()
        self._fs.on_read(_recorded_name(command), raw)
        return result

    def close(self) -> None:
        """Release the device."""
        os.close(self._descriptor)


class Vcgencmd:
    """The program, which forks for every command."""

    in_window = False

    def __init__(self, fs: HostFs) -> None:
        self._fs = fs

    def ask(self, command: str) -> str | Missing:
        """Return what `vcgencmd` prints."""
        return firmware_answer(command, self._fs.command("vcgencmd", *command.split()))

    def close(self) -> None:
        """Do nothing: nothing stays open."""


class RecordedFirmware:
    """The answers of a recorded tree, in files that stay open."""

    in_window = True

    def __init__(self, fs: HostFs) -> None:
        self._fs = fs
        self._files: dict[str, OpenFile] = {}

    def ask(self, command: str) -> str | Missing:
        """Return the recorded text."""
        name = _recorded_name(command)
        if name not in self._files:
            self._files[name] = self._fs.open(name)
        return firmware_answer(command, self._files[name].read())

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def _recorded_name(command: str) -> str:
    """Return the file in which a recording keeps the answer, the same as that of `HostFs.command`."""
    return f"/cmd/vcgencmd/{command.replace(' ', '_')}"


def pack_request(command: str) -> bytes:
    """Return the mailbox buffer for a command."""
    value_bytes = _BUFFER_BYTES - _HEADER.size + 4 - _END_BYTES  # the status word belongs to the value
    header = _HEADER.pack(_BUFFER_BYTES, 0, _TAG_GENCMD, value_bytes, 0, 0)
    return (header + command.encode() + b"\0").ljust(_BUFFER_BYTES, b"\0")


def parse_response(command: str, buffer: bytes) -> str | Missing:
    """Return the text in a buffer that the firmware has filled; Missing when it refused the command."""
    _, code, _, _, _, status = _HEADER.unpack_from(buffer)
    if code == _FAILURE:
        return Missing(f"unavailable: the firmware refused '{command}' (code {code:#x})")
    text = buffer[_HEADER.size :].split(b"\0", 1)[0].decode("utf-8", "replace")
    if status:
        return Missing(f"unavailable: the firmware refused '{command}' ({text.strip() or f'status {status:#x}'})")
    return firmware_answer(command, text)
