"""Files out of a Debian package: downloaded by apt-get, read as an archive; nothing is installed, no root is needed."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import SetupError


@dataclass(frozen=True)
class DebianPackage:
    """A package by its name; whatever its version, since whoever reads its files checks their hashes."""

    name: str

    def read(self, members: Mapping[str, str], folder: Path | None = None) -> Iterator[tuple[str, bytes]]:
        """(key, content) of every member that the package has; `members` maps paths within it ('usr/...') to keys.

        From `folder` where a .deb was put by hand, else downloaded. SetupError without apt-get or dpkg-deb.
        """
        with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
            package = self._in(folder) if folder else self._downloaded(Path(scratch))
            unpacked = [_tool("dpkg-deb", f"{package.name} cannot be read"), "--fsys-tarfile", str(package)]
            with subprocess.Popen(unpacked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
                try:
                    with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                        yield from _chosen(archive, members)
                except tarfile.TarError as error:
                    raise SetupError(f"{package} is not a whole Debian package: {error}") from error

    def _in(self, folder: Path) -> Path:
        found = sorted(folder.glob(f"{self.name}_*.deb"))
        if not found:
            raise SetupError(f"{folder} holds no {self.name}_*.deb", f"put the Debian package {self.name} there")
        return found[-1]

    def _downloaded(self, folder: Path) -> Path:
        why = f"the Debian package {self.name} cannot be downloaded"
        remedy = f"put {self.name}_*.deb into a folder, with what else is needed, and add --from FOLDER"
        command = [_tool("apt-get", why, remedy), "--quiet", "download", self.name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or "apt-get said nothing").splitlines()[-1]
            raise SetupError(f"{why}: {last}", f"sudo apt-get update; or {remedy}")
        return self._in(folder)


def _tool(name: str, why: str, remedy: str = "on Debian and Ubuntu it is in the package dpkg") -> str:
    path = shutil.which(name)
    if path is None:
        raise SetupError(f"{why}: this system has no {name}", remedy)
    return path


def _chosen(archive: tarfile.TarFile, members: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        key = members.get(member.name.removeprefix("./"))
        content = archive.extractfile(member) if key is not None and member.isfile() else None
        if key is not None and content is not None:
            yield key, content.read()
