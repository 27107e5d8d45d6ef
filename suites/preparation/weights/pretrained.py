"""`edgebench prepare --weights`: model files of weights trained elsewhere, each with a note of its origin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.artifact import Preprocess, sha256_of
from harness.core.errors import ModelError, SetupError, UsageError
from harness.core.model_files.model_copy import copy_model
from harness.datasets.preprocessing import fitted, parse
from suites.fetch import fetched
from suites.models.base import ModelVariant
from suites.preparation.from_checkpoints import require_torch
from suites.preparation.torch_export import EXPORTERS
from suites.user_model import UserModel, note_of, write_note

from . import libraries

if TYPE_CHECKING:
    from torch import nn

SUFFIXES = (".pt", ".pth", ".safetensors", ".onnx", ".tflite", ".keras")


@dataclass(frozen=True)
class WeightsRequest:
    """A request for model files.

    Attributes:
        source: A file, an address with '#sha256=HEX', 'timm:NAME' or 'torchvision:NAME'.
        out: Folder to write to.
        model: The family-width-resolution that a file of tensors is for.
        preprocess: How images become the input, in the form of `harness.datasets.preprocessing.parse`.
        same: Whether convolutions pad as TensorFlow's SAME.
    """

    source: str
    out: Path
    model: str | None = None
    preprocess: str | None = None
    same: bool = False

    def prepare(self) -> Iterator[Path]:
        """Write the model files, each with its note, and yield their paths.

        Raises:
            UsageError: The request is incomplete.
            ModelError: The weights cannot be used.
            SetupError: This machine lacks a library.
        """
        library, colon, name = self.source.partition(":")
        if library in ("timm", "torchvision") and colon:
            yield from self._from_library(library, name)  # type: ignore[arg-type]
            return
        path = fetched(self.source) if "://" in self.source else Path(self.source)
        if not path.is_file():
            raise ModelError(f"no such weights file: {path}", f"give a {', '.join(SUFFIXES)}, an address or timm:NAME")
        if path.suffix not in SUFFIXES:
            raise ModelError(f"{path}: unknown kind of weights '{path.suffix}'", f"known: {', '.join(SUFFIXES)}")
        origin = {"source": self.source.rpartition("/")[2], "origin_sha256": sha256_of(path)}
        if path.suffix in (".onnx", ".tflite"):
            yield self._copied(path, origin)
        elif path.suffix == ".keras":
            yield self._from_keras(path, origin)
        else:
            yield from self._from_tensors(path, origin)

    def _from_tensors(self, path: Path, origin: dict[str, Any]) -> Iterator[Path]:
        if self.model is None:
            raise UsageError(f"{path} holds tensors without a net", "name the net: --model mobilenet_v2-1.0-224")
        variant = ModelVariant.parse(self.model)
        require_torch("the export of weights")
        from .export import net_with_weights

        net, matched = net_with_weights(variant, path, same=self.same)
        origin |= {"matched": matched, "padding": "same" if self.same else "symmetric"}
        yield from self._exported(net, variant, self.model, self._net_preprocess(variant), origin)

    def _from_library(self, library: libraries.Library, name: str) -> Iterator[Path]:
        require_torch("the export of weights")
        loaded = libraries.load_library_net(library, name)
        variant = ModelVariant(name, 1.0, loaded.resolution)
        preprocess = self._net_preprocess(variant) or loaded.preprocess
        yield from self._exported(loaded.net, variant, name, preprocess, dict(loaded.origin))

    def _exported(
        self, net: nn.Module, variant: ModelVariant, name: str, preprocess: Preprocess | None, origin: dict[str, Any]
    ) -> Iterator[Path]:
        from .export import export_checked

        kinds = [kind for kind, exporter in EXPORTERS.items() if not [*exporter.missing_tools()]]
        if not kinds:
            raise SetupError("neither onnxscript nor litert-torch is installed", "pip install 'edgebench[prepare]'")
        self.out.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            file = self.out / f"{name.replace('/', '-')}.{kind}"
            note = export_checked(net, variant, kind, file, preprocess, origin)
            note_of(file).write_text(json.dumps(note, indent=1) + "\n")
            yield file

    def _copied(self, path: Path, origin: dict[str, Any]) -> Path:
        target = self.out / path.name
        preprocess = UserModel(path).preprocess(self.preprocess) if self.preprocess else None
        self.out.mkdir(parents=True, exist_ok=True)
        copy_model(path, target)
        write_note(target, preprocess, origin)
        return target

    def _from_keras(self, path: Path, origin: dict[str, Any]) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        target = self.out / f"{path.stem}.tflite"
        origin |= libraries.convert_keras(path, target)
        write_note(target, UserModel(target).preprocess(self.preprocess) if self.preprocess else None, origin)
        return target

    def _net_preprocess(self, variant: ModelVariant) -> Preprocess | None:
        if self.preprocess is None:
            return None
        how, edge = parse(self.preprocess, "NCHW", variant.channels), variant.resolution
        return fitted(how, self.preprocess, edge, edge)
