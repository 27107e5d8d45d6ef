"""The shipped model files: what there is, and how they are unpacked."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.artifact import Format, sha256_of
from harness.core.errors import SetupError, UnknownName
from harness.core.files import write_atomic

MODELS = Path(__file__).parent / "models"
"""The folder of the shipped files and their manifest."""

MANIFEST = "manifest.json"

_REINSTALL = "install edgebench again"


@dataclass(frozen=True)
class ModelFile:
    """One entry of the manifest.

    Attributes:
        size_bytes: Size of the unpacked file.
        sha256: Hash of the unpacked file.
        macs: Multiply-accumulates for one image.
        recipe: How the file was made: setting, tools, SQNR against the float .onnx file.
    """

    model: str
    compression: str
    format: Format
    size_bytes: int
    sha256: str
    parameters: int
    macs: int
    recipe: Mapping[str, Any]

    @property
    def packed(self) -> str:
        """Name of the shipped file."""
        return f"{self.model}.{self.compression}.{self.format}.xz"

    def unpack(self, cache_dir: Path, models: Path = MODELS) -> Path:
        """Return the model file in ``cache_dir``, unpacked there on first use or when it is damaged.

        The file's name holds its hash.

        Raises:
            SetupError: The shipped file is damaged.
        """
        target = cache_dir / f"{self.model}-{self.compression}-{self.sha256[:12]}.{self.format}"
        if not (target.is_file() and sha256_of(target) == self.sha256):
            cache_dir.mkdir(parents=True, exist_ok=True)
            write_atomic(target, self._content(models / self.packed))
        return target

    def _content(self, packed: Path) -> bytes:
        try:
            content = lzma.decompress(packed.read_bytes())
        except (OSError, lzma.LZMAError) as error:
            raise SetupError(f"{packed}: damaged model file ({error})", _REINSTALL) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise SetupError(f"{packed}: not the file that the manifest names", _REINSTALL)
        return content


@cache
def available(models: Path = MODELS) -> Mapping[tuple[str, str, str], ModelFile]:
    """Return all shipped files by model, compression and format."""
    path = models / MANIFEST
    try:
        files = [ModelFile(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path}: damaged manifest of the synthetic models ({error!r})", _REINSTALL) from error
    return {(file.model, file.compression, file.format): file for file in files}


def find(model: str, compression: str, file_format: str, models: Path = MODELS) -> ModelFile:
    """Return the shipped file of that name; UnknownName lists what there is."""
    files = available(models)
    forms = {f"{c} {f}": file for (m, c, f), file in files.items() if m == model}
    if not forms:
        raise UnknownName("synthetic model", model, {m for m, _, _ in files})
    wanted = f"{compression} {file_format}"
    if wanted not in forms:
        raise UnknownName(f"form of {model}", wanted, forms)
    return forms[wanted]
