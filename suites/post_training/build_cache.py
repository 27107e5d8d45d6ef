"""Compressed files of a user's model, built once and kept under the hash of their recipe."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Format, files_of, sha256_of, size_of
from harness.core.errors import EdgebenchError, UsageError
from suites.compression.base import Calibration, Compression
from suites.converter_output import quiet


@dataclass(frozen=True)
class BuildCache:
    """A folder of built files.

    Attributes:
        folder: Where the files are kept.
        notify: Called with a line of text for each file that has to be built.
    """

    folder: Path
    notify: Callable[[str], None]

    def artifact(self, setting: Compression, source: Path, calibration: Calibration | None) -> Artifact:
        """Return ``source`` under the setting, built unless it is in the cache.

        Raises:
            UsageError: The setting lacks its tools or images, or its converter fails; the message says what to do.
        """
        file_format: Format = "onnx" if source.suffix == ".onnx" else "tflite"
        self._refuse(setting, file_format, calibration)
        recipe = setting.recipe(source, calibration, file_format)
        path = self.folder / f"{source.stem}-{setting.name}-{key(recipe)}{source.suffix}"
        if not is_intact(path):
            self.notify(f"building {path.name}")
            with _replacing(path) as out, quiet(), _named_errors(setting):
                setting.build(source, calibration, out)
        return Artifact(path, file_format, sha256_of(path), size_of(path), recipe=recipe)

    def _refuse(self, setting: Compression, file_format: Format, calibration: Calibration | None) -> None:
        if missing := list(setting.missing_tools(file_format)):
            install = f"pip install 'edgebench[{setting.extra_for(file_format)}]'"
            raise UsageError(
                f"{setting.name} of a .{file_format} needs {' and '.join(missing)}, not installed: {install}", install
            )
        if setting.needs_calibration and calibration is None:
            raise UsageError(
                f"{setting.name} needs images for calibration: give some with --data DIR", "give images with --data DIR"
            )


def key(recipe: Mapping[str, Any]) -> str:
    """Return a short hash of all that determines a file's content."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def is_intact(path: Path) -> bool:
    """Return whether the file is there as it was written."""
    note = Path(f"{path}.sha256")
    return path.is_file() and note.is_file() and note.read_text(encoding="utf-8") == sha256_of(path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a file to write, which is moved to ``path`` when the block succeeds: a killed build leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder) / path.name
        yield out
        Path(f"{path}.sha256").write_text(sha256_of(out), encoding="utf-8")
        for file in reversed(files_of(out)):  # the model itself last
            place = path.parent / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)


@contextmanager
def _named_errors(setting: Compression) -> Iterator[None]:
    """Turn whatever a converter raises into a UsageError that names the setting."""
    try:
        yield
    except EdgebenchError:
        raise
    except Exception as error:  # converters raise whatever they like
        first = str(error).strip().partition("\n")[0][:300]
        raise UsageError(f"{setting.name} cannot be made of this net: {type(error).__name__}: {first}") from error
