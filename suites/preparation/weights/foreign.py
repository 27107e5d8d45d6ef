"""`edgebench prepare --weights`: model files of weights that others trained, each with a note of where it is from."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Preprocess, sha256_of
from harness.core.errors import ModelError, SetupError, UsageError
from harness.datasets.preprocessing import parse
from suites.fetch import fetched
from suites.models.base import ModelVariant
from suites.user_model import UserModel, fitted, note_of, write_note

from . import EXPORTERS, lacking

if TYPE_CHECKING:
    from torch import nn

    from .library import Library

KINDS = (".pt", ".pth", ".safetensors", ".onnx", ".tflite", ".keras")


@dataclass(frozen=True)
class Weights:
    """What was asked for.

    `source` is a file, an address with '#sha256=HEX', 'timm:NAME' or 'torchvision:NAME'; `model` the family-width-
    resolution that a file of tensors is for; `preprocess` how images become its input, as
    `harness.datasets.preprocessing.parse` takes it; `same`: its convolutions pad as TensorFlow's SAME.
    """

    source: str
    out: Path
    model: str | None = None
    preprocess: str | None = None
    same: bool = False

    def prepare(self) -> Iterator[Path]:
        """Write the model files, each with its note; yields their paths.

        UsageError, ModelError or SetupError says what is wrong with the request, the weights or this machine.
        """
        library, colon, name = self.source.partition(":")
        if library in ("timm", "torchvision") and colon:
            yield from self._of_library(library, name)  # type: ignore[arg-type]
            return
        path = fetched(self.source) if "://" in self.source else Path(self.source)
        if not path.is_file():
            raise ModelError(f"no such file of weights: {path}", f"give a {', '.join(KINDS)}, an address or timm:NAME")
        if path.suffix not in KINDS:
            raise ModelError(f"{path}: unknown kind of weights '{path.suffix}'", f"known: {', '.join(KINDS)}")
        origin = {"source": self.source.rpartition("/")[2], "origin_sha256": sha256_of(path)}
        if path.suffix in (".onnx", ".tflite"):
            yield self._passed_through(path, origin)
        elif path.suffix == ".keras":
            yield self._of_keras(path, origin)
        else:
            yield from self._of_tensors(path, origin)

    def _of_tensors(self, path: Path, origin: dict[str, Any]) -> Iterator[Path]:
        if self.model is None:
            raise UsageError(f"{path} holds tensors without a net", "name it: --model mobilenet_v2-1.0-224")
        variant = ModelVariant.parse(self.model)
        _need_torch()
        from .export import net_of

        net, matched = net_of(variant, path, same=self.same)
        origin |= {"matched": matched, "padding": "same" if self.same else "symmetric"}
        yield from self._exported(net, variant, self.model, self._how(variant), origin)

    def _of_library(self, library: Library, name: str) -> Iterator[Path]:
        _need_torch()
        from .library import named

        found = named(library, name)
        variant = ModelVariant(name, 1.0, found.edge)
        how = self._how(variant) or found.preprocess
        yield from self._exported(found.net, variant, name, how, dict(found.origin))

    def _exported(
        self, net: nn.Module, variant: ModelVariant, name: str, how: Preprocess | None, origin: dict[str, Any]
    ) -> Iterator[Path]:
        from .export import write

        kinds = [kind for kind in EXPORTERS if not [*lacking(kind)]]
        if not kinds:
            raise SetupError("neither onnxscript nor litert-torch is installed", "pip install 'edgebench[prepare]'")
        self.out.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            file = self.out / f"{name.replace('/', '-')}.{kind}"
            note_of(file).write_text(json.dumps(write(net, variant, kind, file, how, origin), indent=1) + "\n")
            yield file

    def _passed_through(self, path: Path, origin: dict[str, Any]) -> Path:
        target = self.out / path.name
        how = UserModel(path).preprocess(self.preprocess) if self.preprocess else None
        self.out.mkdir(parents=True, exist_ok=True)
        if target.resolve() != path.resolve():
            shutil.copyfile(path, target)
        return _noted(target, how, origin)

    def _of_keras(self, path: Path, origin: dict[str, Any]) -> Path:
        from .keras import convert

        self.out.mkdir(parents=True, exist_ok=True)
        target = self.out / f"{path.stem}.tflite"
        origin |= convert(path, target)
        return _noted(target, UserModel(target).preprocess(self.preprocess) if self.preprocess else None, origin)

    def _how(self, variant: ModelVariant) -> Preprocess | None:
        if self.preprocess is None:
            return None
        return fitted(parse(self.preprocess, "NCHW", variant.channels), self.preprocess, variant.resolution)


def _noted(file: Path, how: Preprocess | None, origin: dict[str, Any]) -> Path:
    write_note(file, how, origin)
    return file


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise SetupError("weights of torch need torch, which is not installed", "pip install 'edgebench[prepare]'")
