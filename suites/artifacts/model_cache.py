"""Model files that are not shipped: built or pulled on this machine, kept in the cache, each with a note beside it.

A file is `<model>/<setting>.<format>` (converted formats have a folder each), its note
`<model>/<setting>.<format>.json`. Files are moved into place before their note, so that a note implies a whole file.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from harness.core.artifact import Format, Preprocess, sha256_of
from harness.core.files import cache_dir

MODEL = re.compile(r"[a-z0-9_]+(-[0-9]+(\.[0-9]+)?){2}")
SETTING = re.compile(r"[a-z0-9]+([-+.][a-z0-9]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_BYTES = 4 << 30

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What is known of a model file.

    Attributes:
        model: Name of the model.
        compression: Name of the setting.
        format: Format of the file.
        sha256: Hash of the file or files.
        bytes: Their size.
        parameters: Number of parameters; None if not counted.
        macs: Multiply-accumulates of one inference; None if not counted.
        preprocess: How images become its input.
        recipe: How it was made; `origin_sha256` is the hash of the shipped file or checkpoint it was made from.
        file: Path in the folder of prepared files.

    Raises:
        ValueError: A name could lead out of the folder, or a hash or size is impossible.
    """

    model: str
    compression: str
    format: Format
    sha256: str
    bytes: int
    parameters: int | None
    macs: int | None
    preprocess: Preprocess | None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    def __post_init__(self) -> None:
        for name, form in (("model", MODEL), ("compression", SETTING), ("sha256", SHA256)):
            if not form.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)!r:.80}")
        if not 0 < self.bytes <= LARGEST_BYTES:
            raise ValueError(f"bytes is {self.bytes}")
        inside = PurePosixPath(self.file or f"{self.model}/{self.compression}.{self.format}")
        if inside.is_absolute() or ".." in inside.parts or inside.parts[0] != self.model:
            raise ValueError(f"file is {self.file!r:.80}")
        object.__setattr__(self, "file", str(inside))

    @classmethod
    def from_json(cls, data: Any) -> Entry:
        """Return the entry of plain JSON types; unknown keys are ignored.

        Raises:
            ValueError: With what is wrong.
        """
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(data)

    @property
    def name(self) -> str:
        """The name to show and to filter by."""
        return f"{self.model} {self.compression} {self.format}"

    @property
    def key(self) -> tuple[str, str, Format]:
        """Model, setting and format, which identify it."""
        return self.model, self.compression, self.format

    @property
    def path(self) -> Path:
        """Path of the file."""
        return prepared_dir() / self.file

    @property
    def intact(self) -> bool:
        """Whether the file is there and has the noted hash."""
        return self.path.exists() and sha256_of(self.path) == self.sha256


def prepared_dir() -> Path:
    """Return the folder of all files that `edgebench prepare` builds and `edgebench artifacts pull` downloads."""
    return cache_dir() / "prepared"


def find(model: str, compression: str, kind: Format) -> Entry | None:
    """Return the entry of that file, or None. It may have been made from a model that is no longer shipped."""
    return _read(prepared_dir() / model / f"{compression}.{kind}.json")


def entries() -> list[Entry]:
    """Return all entries, by name."""
    notes = sorted(prepared_dir().glob("[!.]*/*.json"))
    return [entry for note in notes if (entry := _read(note))]


def _read(note: Path) -> Entry | None:
    """Return the entry in a note; one that cannot be read counts as none, and its file is built again."""
    if not note.is_file():
        return None
    try:
        return Entry.from_json(json.loads(note.read_text(encoding="utf-8")))
    except ValueError as error:
        _log.warning("%s is ignored, since it is not the note of a model file: %s", note, error)
        return None


@contextmanager
def build_folder() -> Iterator[Path]:
    """Yield a folder on the same file system to build a file in; it is removed at the end."""
    prepared_dir().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=prepared_dir(), prefix=".unfinished-") as folder:
        yield Path(folder)


def keep(entry: Entry, folder: Path) -> None:
    """Move all files in `folder`, a build folder, into place, then write the note of `entry`, which is one of them."""
    note = prepared_dir() / entry.model / f"{entry.compression}.{entry.format}.json"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        target = prepared_dir() / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
    unfinished = note.with_name(f".{note.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(dataclasses.asdict(entry), indent=1) + "\n", encoding="utf-8")
    unfinished.replace(note)
