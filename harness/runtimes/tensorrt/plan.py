"""The options that an engine is built with, and the cache of built engines.

An engine takes minutes to build on a small board: it is cached under the hash of all that it depends on, and so are
the timings of the kernels that were tried.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.core.files import cache_dir
from harness.runtimes.base import Options, SessionError

from .cuda import Gpu

_SWITCHES = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class EngineRecipe:
    """The options of this runtime, each a --runtime-option of its name.

    An int8 model has QuantizeLinear pairs and needs no option.

    Attributes:
        fp16: Whether TensorRT may choose fp16 kernels for an fp32 model.
        tf32: Whether fp32 convolutions may have ten bits of mantissa.
        workspace_mib: Memory in MiB that a kernel may use beside its tensors; None for all there is.
        dla_core: The DLA to build for; None for the GPU.
        gpu_fallback: Whether layers that the DLA cannot run stay on the GPU.
        timing_cache: Whether to use kernel timings of earlier builds.
    """

    fp16: bool = False
    tf32: bool = False
    workspace_mib: int | None = None
    dla_core: int | None = None
    gpu_fallback: bool = True
    timing_cache: bool = True

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> EngineRecipe:
        """Parse options as given; SessionError for one that is unknown or has a wrong value."""
        read: dict[str, Callable[[str, str], Any]] = {
            each.name: _number if each.default is None else _switch for each in fields(cls)
        }
        if unknown := [key for key in settings if key not in read]:
            raise SessionError(f"TensorRT has no option '{unknown[0]}' here", f"options: {', '.join(read)}")
        values: dict[str, Any] = {key: read[key](key, text) for key, text in settings.items()}
        return cls(**values)

    def key(self, onnx_hash: str, options: Options, version: str, gpu: Gpu) -> str:
        """Return the hash of all that an engine depends on."""
        shapes = [options.batch, sorted(options.shapes.items())]
        depends = [onnx_hash, asdict(self), shapes, version, asdict(gpu)]
        return hashlib.sha256(json.dumps(depends).encode()).hexdigest()


def _number(key: str, text: str) -> int:
    if not text.isdecimal():
        raise SessionError(f"{key}={text} is no number", f"--runtime-option NAME:{key}=0")
    return int(text)


def _switch(key: str, text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise SessionError(f"{key}={text} is neither on nor off", f"--runtime-option NAME:{key}=1, or 0")
    return _SWITCHES[text.lower()]


class EngineCache:
    """Engines and kernel timings built by this user, in the cache folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir() / "tensorrt"

    def engine(self, key: str) -> bytes | None:
        """Return the engine under a key; None where there is none, or its hash differs."""
        try:
            data = (self.folder / f"{key}.engine").read_bytes()
            digest = (self.folder / f"{key}.sha256").read_text(encoding="ascii")
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def keep(self, key: str, data: bytes) -> None:
        """Store an engine, then its hash: a write that is killed leaves no valid entry."""
        self._write(f"{key}.engine", data)
        self._write(f"{key}.sha256", hashlib.sha256(data).hexdigest().encode())

    def timings(self, version: str, gpu: Gpu) -> Path:
        """Return the path of the kernel timings for a TensorRT on a GPU; the file may be absent."""
        return self.folder / f"timings-{version}-{gpu.name.replace(' ', '-').replace('/', '-')}-{gpu.processors}.bin"

    def keep_timings(self, path: Path, data: bytes) -> None:
        """Replace the file as a whole."""
        self._write(path.name, data)

    def _write(self, name: str, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / f".{name}.{os.getpid()}"
        unfinished.write_bytes(data)
        unfinished.replace(self.folder / name)
