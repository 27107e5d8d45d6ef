"""Builds compressed files and keeps them by content: the recipe of a file is its key."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Format, sha256_of
from harness.core.errors import EdgebenchError, UsageError
from suites.compression.base import Calibration, Compression
from suites.converter_output import quiet


@dataclass(frozen=True)
class BuildCache:
    """Keeps its files in ``folder``; ``tell`` hears of each file that has to be built."""

    folder: Path
    tell: Callable[[str], None]

    def artifact(self, setting: Compression, source: Path, calibration: Calibration | None) -> Artifact:
        """``source`` under the setting, built unless it was before.

        UsageError, with what to do in its message, where the setting lacks its tools or images, or its converter fails.
        """
        kind: Format = "onnx" if source.suffix == ".onnx" else "tflite"
        self._refuse(setting, kind, calibration)
        recipe = setting.recipe(source, calibration, kind)
        path = self.folder / f"{source.stem}-{setting.name}-{key(recipe)}{source.suffix}"
        if not kept(path):
            self.tell(f"building {path.name}")
            with _replacing(path) as out, quiet(), _blamed(setting):
                setting.build(source, calibration, out)
        return Artifact(path, kind, sha256_of(path), path.stat().st_size, recipe=recipe)

    def _refuse(self, setting: Compression, kind: Format, calibration: Calibration | None) -> None:
        if lacking := list(setting.missing_tools(kind)):
            install = f"pip install 'edgebench[{setting.extra_for(kind)}]'"
            raise UsageError(f"{setting.name} of a .{kind} needs {' and '.join(lacking)}, not installed: {install}")
        if setting.needs_calibration and calibration is None:
            raise UsageError(f"{setting.name} needs images to calibrate with: give some with --data DIR")


def key(recipe: Mapping[str, Any]) -> str:
    """A short hash of all that decides a file's content."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def kept(path: Path) -> bool:
    """Whether the file is there as it was written."""
    note = Path(f"{path}.sha256")
    return path.is_file() and note.is_file() and note.read_text(encoding="utf-8") == sha256_of(path)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write, which becomes ``path`` when the block ends well: a killed build leaves nothing half done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder) / path.name
        yield out
        Path(f"{path}.sha256").write_text(sha256_of(out), encoding="utf-8")
        out.replace(path)


@contextmanager
def _blamed(setting: Compression) -> Iterator[None]:
    """What a converter raises, as an error that names it."""
    try:
        yield
    except EdgebenchError:
        raise
    except Exception as error:  # converters raise whatever they like
        first = str(error).strip().partition("\n")[0][:300]
        raise UsageError(f"{setting.name} cannot be made of this net: {type(error).__name__}: {first}") from error
