"""Access to the machine's system files below a root, so that sensors and checks also run on recorded trees."""

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
"""A 64-bit number as the kernel prints it; int() would also accept '1_000' and digits of other scripts."""


def as_text(data: bytes | Missing) -> str | Missing:
    """Decode the bytes of a system file, without trailing white space and NULs."""
    return data if isinstance(data, Missing) else data.decode("utf-8", "replace").rstrip("\0 \n\t")


def as_int(name: str, text: str | Missing) -> int | Missing:
    """Parse a decimal integer; any other text is Missing and quoted in the reason."""
    if isinstance(text, Missing):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    quoted = f"'{text[:40]}'" if text else "an empty text"
    return Missing(f"not a number: {quoted} in {name}")


def as_hex(name: str, text: str | Missing) -> int | Missing:
    """Parse a hexadecimal number of 32 bits, with or without 0x."""
    if isinstance(text, Missing):
        return text
    if _WORD.fullmatch(text):
        return int(text, 16)
    return Missing(f"not a hexadecimal number: '{text[:40]}' in {name}")


_REASONS = {
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
    """The files below `root` ('/' for this machine). A file that cannot be read is a Missing, never an exception."""

    def __init__(self, root: Path | str = "/") -> None:
        self.root = Path(root)

    @property
    def live(self) -> bool:
        """Whether this is the machine itself and not a recorded tree."""
        return self.root == Path("/")

    def path(self, name: str) -> Path:
        """Return the path of `name` ('/sys/...' or 'sys/...') below the root."""
        return self.root / name.lstrip("/")

    def read_bytes(self, name: str, size: int = 65536) -> bytes | Missing:
        """Read up to `size` bytes by os.read; buffered text I/O raises TypeError on a power-gated Jetson zone."""
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
        """Read the text of a file, without trailing white space and NULs."""
        return as_text(self.read_bytes(name))

    def read_int(self, name: str) -> int | Missing:
        """Read a decimal integer; any other contents are Missing."""
        return as_int(name, self.read(name))

    def open(self, name: str) -> OpenFile:
        """Return a file for repeated reading, as sensors need it; never raises, see `OpenFile.read`."""
        return OpenFile(self, name)

    def write(self, name: str, text: str) -> Missing | None:
        """Write `text` to an existing file (a kernel setting); return None, or the reason for a failure."""
        try:
            descriptor = os.open(self.path(name), os.O_WRONLY | os.O_TRUNC)
        except OSError as error:
            return self.missing(name, error)
        try:
            os.write(descriptor, text.encode())
        except OSError as error:  # the kernel rejects a value only here
            return self.missing(name, error)
        finally:
            os.close(descriptor)
        return None

    def command(self, program: str, *arguments: str) -> str | Missing:
        """Return the output of a command; on a recorded tree, the file cmd/<program>/<arguments joined by '_'>.

        A fork costs about 10 ms on a small board: never call this within a measured window.
        """
        name = f"/cmd/{program}/{'_'.join(arguments)}"
        if not self.live:
            return self.read(name)
        result = _run(program, *arguments)
        self.on_read(name, result if isinstance(result, Missing) else result.encode())
        return result if isinstance(result, Missing) else result.rstrip("\0 \n\t")

    def glob(self, pattern: str) -> Iterator[str]:
        """Return the names that match, with a leading '/', in natural order."""
        paths = self.root.glob(pattern.lstrip("/"))
        return iter(sorted(("/" + str(path.relative_to(self.root)) for path in paths), key=_natural))

    def exists(self, name: str) -> bool:
        """Return whether the file or folder exists, readable or not."""
        try:
            return self.path(name).exists()
        except OSError:  # a folder on the way is not accessible
            return False

    def leads_nowhere(self, name: str) -> bool:
        """Return whether the name is a symbolic link whose target is not there."""
        try:
            return self.path(name).is_symlink() and not self.path(name).exists()
        except OSError:
            return False

    def resolve(self, name: str) -> str:
        """Resolve symbolic links; return `name` itself if they are dangling or lead out of the root."""
        try:
            real, root = self.path(name).resolve(strict=True), self.root.resolve()
        except OSError:
            return name
        return "/" + str(real.relative_to(root)) if real.is_relative_to(root) else name

    def on_read(self, name: str, result: bytes | Missing) -> None:
        """Handle a result that was read; does nothing here, and is overridden to record it."""

    @staticmethod
    def missing(name: str, error: OSError) -> Missing:
        """Return the reason for an OSError on `name`."""
        reason = _REASONS.get(error.errno or 0, os.strerror(error.errno or 0))
        return Missing(f"{reason}: {name}")


class OpenFile:
    """An open file: sysfs generates the text on each pread at 0, at a tenth of the cost of open, read and close."""

    def __init__(self, fs: HostFs, name: str) -> None:
        self.name = name
        self._fs = fs
        self._descriptor: int | None = None

    def read_bytes(self, size: int = 4096) -> bytes | Missing:
        """Read the current contents, or return why they cannot be read; a later read tries again."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._fs.path(self.name), os.O_RDONLY)
            result: bytes | Missing = os.pread(self._descriptor, size, 0)
        except OSError as error:
            result = self._fs.missing(self.name, error)
            if error.errno == errno.ENODEV:  # the driver was unbound; when it is back, this is another file
                self.close()
        self._fs.on_read(self.name, result)
        return result

    def read(self) -> str | Missing:
        """Read the current text, without trailing white space and NULs."""
        return as_text(self.read_bytes())

    def read_int(self) -> int | Missing:
        """Read a decimal integer; any other contents are Missing."""
        return as_int(self.name, self.read())

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor; the next read opens the file again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_label(fs: HostFs, name: str, default: str) -> str:
    """Return the text of a label file, or the default without one; '/', which separates channel names, becomes '-'."""
    text = fs.read(name)
    return text.replace("/", "-") if isinstance(text, str) and text else default


def _run(program: str, *arguments: str) -> str | Missing:
    path = shutil.which(program)
    if path is None:
        return Missing(f"absent: the command {program}")
    try:
        line = [path, *arguments]
        done = subprocess.run(
            line, capture_output=True, text=True, errors="replace", timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Missing(f"unavailable: {program} {' '.join(arguments)}: {error}")
    if done.returncode:
        words = " ".join(f"{done.stdout} {done.stderr}".split())[:200]
        return Missing(f"unavailable: {program} {' '.join(arguments)} says '{words}' (exit code {done.returncode})")
    return done.stdout


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts hwmon10 after hwmon9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
