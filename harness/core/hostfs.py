"""What small system files hold: text, or one number in it.

The machine's files behind an injectable root, so that sensors and checks can be tried on recorded trees.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .quantity import Missing

_WORD = re.compile(r"(0x)?[0-9a-fA-F]{1,8}")
_INTEGER = re.compile(r"[ \t]*[+-]?[0-9]{1,20}")
"""What the kernel prints of 64 bits; int() alone takes more: '1_000', digits of other scripts, a thousand nines."""


def as_text(data: bytes | Missing) -> str | Missing:
    """Bytes of a small system file as text, without trailing white space and NULs."""
    return data if isinstance(data, Missing) else data.decode("utf-8", "replace").rstrip("\0 \n\t")


def as_int(name: str, text: str | Missing) -> int | Missing:
    """One decimal integer; an empty, cut or garbled text is Missing, with what was there."""
    if isinstance(text, Missing):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    found = f"'{text[:40]}'" if text else "nothing"
    return Missing(f"not a number: {found} in {name}")


def as_hex(name: str, text: str | Missing) -> int | Missing:
    """One hexadecimal number of 32 bits, with or without 0x."""
    if isinstance(text, Missing):
        return text
    if _WORD.fullmatch(text):
        return int(text, 16)
    return Missing(f"not a hexadecimal number: '{text[:40]}' in {name}")


_WHY = {
    errno.ENOENT: "absent",
    errno.ENOTDIR: "absent",
    errno.ENODEV: "absent",
    errno.ENXIO: "absent",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EAGAIN: "unavailable: gated or asleep",
    errno.ENODATA: "unavailable: no data",
    errno.EIO: "unavailable: device error",
}
_COMMAND_TIMEOUT_S = 5.0


class HostFs:
    """Reads files below `root` ('/' for this machine). A file that cannot be read is a Missing, never an exception."""

    def __init__(self, root: Path | str = "/") -> None:
        self.root = Path(root)

    @property
    def live(self) -> bool:
        """True when this is the machine itself and not a recorded tree."""
        return self.root == Path("/")

    def path(self, name: str) -> Path:
        """Where `name` ('/sys/...' or 'sys/...') lies under the root."""
        return self.root / name.lstrip("/")

    def read_bytes(self, name: str, size: int = 65536) -> bytes | Missing:
        """Up to `size` bytes, by raw os.read: buffered text I/O raises TypeError on a gated Jetson zone."""
        result = self._read_once(name, size)
        self.on_read(name, result)
        return result

    def _read_once(self, name: str, size: int) -> bytes | Missing:
        try:
            descriptor = os.open(self.path(name), os.O_RDONLY)
        except OSError as error:
            return self.missing(name, error)
        try:
            return os.read(descriptor, size)
        except OSError as error:
            return self.missing(name, error)
        finally:
            os.close(descriptor)

    def read(self, name: str) -> str | Missing:
        """The file's text without trailing white space and NULs."""
        return as_text(self.read_bytes(name))

    def read_int(self, name: str) -> int | Missing:
        """The file's one decimal integer; anything else in it is Missing."""
        return as_int(name, self.read(name))

    def open(self, name: str) -> OpenFile:
        """The file kept open for repeated reading (sensors); never raises, see `OpenFile.read`."""
        return OpenFile(self, name)

    def write(self, name: str, text: str) -> Missing | None:
        """Put `text` into an existing file (a kernel knob); None when it was taken, else why not."""
        try:
            descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        except OSError as error:
            return self.missing(name, error)
        try:
            os.write(descriptor, text.encode())
        except OSError as error:  # the kernel refuses a value only here
            return self.missing(name, error)
        finally:
            os.close(descriptor)
        return None

    def command(self, program: str, *arguments: str) -> str | Missing:
        """What a command prints; on a recorded tree the file cmd/<program>/<arguments joined by '_'>.

        A fork costs about 10 ms on a small board: never call this inside a measured window.
        """
        name = f"/cmd/{program}/{'_'.join(arguments)}"
        if not self.live:
            return self.read(name)
        result = _run(program, *arguments)
        self.on_read(name, result if isinstance(result, Missing) else result.encode())
        return result if isinstance(result, Missing) else result.rstrip("\0 \n\t")

    def glob(self, pattern: str) -> Iterator[str]:
        """Names (with a leading '/') that match, in natural order."""
        found = self.root.glob(pattern.lstrip("/"))
        return iter(sorted(("/" + str(path.relative_to(self.root)) for path in found), key=_natural))

    def exists(self, name: str) -> bool:
        """True when the file or folder is there, readable or not."""
        try:
            return self.path(name).exists()
        except OSError:  # a folder on the way is closed to us
            return False

    def resolve(self, name: str) -> str:
        """The name behind symbolic links; `name` itself where they lead nowhere or out of the root."""
        try:
            real, root = self.path(name).resolve(strict=True), self.root.resolve()
        except OSError:
            return name
        return "/" + str(real.relative_to(root)) if real.is_relative_to(root) else name

    def on_read(self, name: str, result: bytes | Missing) -> None:
        """Called with every result read; does nothing here, a recording keeps it."""

    @staticmethod
    def missing(name: str, error: OSError) -> Missing:
        """The reason in words for an OSError on `name`."""
        word = _WHY.get(error.errno or 0, os.strerror(error.errno or 0))
        return Missing(f"{word}: {name}")


class OpenFile:
    """A file kept open: sysfs makes the text anew on each pread at 0, at a tenth of the cost of open, read, close."""

    def __init__(self, fs: HostFs, name: str) -> None:
        self.name = name
        self._fs = fs
        self._descriptor: int | None = None

    def read_bytes(self, size: int = 4096) -> bytes | Missing:
        """What the file holds now, or why it cannot be read now; a later read tries again."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._fs.path(self.name), os.O_RDONLY)
            result: bytes | Missing = os.pread(self._descriptor, size, 0)
        except OSError as error:
            result = self._fs.missing(self.name, error)
            if error.errno == errno.ENODEV:  # its driver left; when it comes back it is another file
                self.close()
        self._fs.on_read(self.name, result)
        return result

    def read(self) -> str | Missing:
        """The text now, without trailing white space and NULs."""
        return as_text(self.read_bytes())

    def read_int(self) -> int | Missing:
        """The one decimal integer the file holds now; anything else is Missing."""
        return as_int(self.name, self.read())

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Release the descriptor; reading again opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _run(program: str, *arguments: str) -> str | Missing:
    path = shutil.which(program)
    if path is None:
        return Missing(f"absent: the command {program}")
    try:
        words = [path, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Missing(f"unavailable: {program} {' '.join(arguments)}: {error}")
    return done.stdout


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts hwmon10 behind hwmon9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
