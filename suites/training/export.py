"""Make the shipped artifacts: ``python -m suites.training.export --checkpoints DIR``.

For each trained net of ``--checkpoints`` (``<model>.pt`` and ``<model>.jsonl`` of ``suites.training.train``) writes
``<model>/<setting>.<format>`` for every compression setting and format, scores each on the 10,000 test images, and
writes ``manifest.json`` and the training logs beside them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.artifact import Artifact, Format, Layout, Preprocess, sha256_of
from harness.core.plugins import load, load_all
from suites.compression.base import Calibration, Compression
from suites.models.base import Variant
from suites.nn import count
from suites.training import evaluate
from suites.training.graphs import to_onnx, to_tflite
from suites.training.images import MEAN, PAD, STD

SUITES = Path(__file__).parents[1]
DATA = SUITES / "data" / "fashion-mnist"


@dataclass(frozen=True)
class Route:
    """How a format is written and read: by ``write`` with the distributions ``exporters``, and by ``runtime``."""

    layout: Layout
    write: Callable[[torch.nn.Module, Variant, Path], None]
    exporters: tuple[str, ...]
    runtime: str


ROUTES: dict[Format, Route] = {
    "onnx": Route("NCHW", to_onnx, ("torch", "onnxscript"), "onnxruntime"),
    "tflite": Route("NHWC", to_tflite, ("torch", "litert-torch"), "ai-edge-litert"),
}


@dataclass(frozen=True)
class Inputs:
    """Test and calibration images as one format's models take them."""

    format: Format

    @cached_property
    def how(self) -> Preprocess:
        """From a 28x28 grey image to the input."""
        return Preprocess(channels=1, pad=PAD, scale=255.0, mean=(MEAN,), std=(STD,), layout=ROUTES[self.format].layout)

    @cached_property
    def test(self) -> tuple[Calibration, NDArray[np.int64]]:
        """The 10,000 test images and their labels."""
        return evaluate.labelled(DATA, self.how)

    @cached_property
    def calibration(self) -> Calibration:
        """The calibration images, of the training set."""
        return evaluate.labelled(DATA / "calibration", self.how)[0]


@dataclass(frozen=True)
class Trained:
    """A trained net and where it comes from."""

    model: str
    checkpoint: Path

    @cached_property
    def variant(self) -> Variant:
        """The parsed name."""
        return Variant.parse(self.model)

    @cached_property
    def net(self) -> torch.nn.Module:
        """The net with its trained weights."""
        net: torch.nn.Module = load("models", self.variant.family).net(self.variant)
        net.load_state_dict(torch.load(self.checkpoint, weights_only=True))
        return net.eval()

    @property
    def log(self) -> Path:
        """The training's log, JSON lines."""
        return self.checkpoint.with_suffix(".jsonl")

    def facts(self) -> dict[str, Any]:
        """The keys of a manifest entry that all artifacts of this net share."""
        header = json.loads(self.log.read_text().splitlines()[0])
        return {
            "model": self.model,
            "architecture": load("models", self.variant.family).title,
            "weights": "trained",
            "parameters": count.parameters(self.net),
            "macs": count.macs(self.net, self.variant.input_shape),
            "classes": self.variant.classes,
            "trained_on": "Fashion-MNIST, 60,000 training images",
            "training": {
                "log": f"{self.model}/training.jsonl",
                "checkpoint_sha256": sha256_of(self.checkpoint),
                **header,
            },
            "script": "suites/training/export.py",
            "licence": "Apache-2.0",
        }


def export(trained: Trained, out: Path, images: dict[Format, Inputs]) -> Iterator[dict[str, Any]]:
    """Write every artifact of one net below ``out``; yields their manifest entries."""
    (out / trained.model).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trained.log, out / trained.model / "training.jsonl")
    for kind, route in ROUTES.items():
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / f"float.{kind}"
            route.write(trained.net, trained.variant, source)
            for setting in load_all("compression").values():
                yield _compress(trained, setting, source, out, images[kind])


def _compress(trained: Trained, setting: Compression, source: Path, out: Path, images: Inputs) -> dict[str, Any]:
    """Build, score and describe one artifact."""
    file = Path(trained.model) / f"{setting.name}{source.suffix}"
    artifact = setting.build(source, images.calibration, out / file)
    score = evaluate.top1(artifact.path, *images.test)
    entry = trained.facts() | _described(artifact, setting, images) | {"file": file.as_posix()}
    runtime = ROUTES[artifact.format].runtime
    entry["top1_reference"] = {
        "top1": score,
        "n": len(images.test[1]),
        "runtime": f"{runtime} {version(runtime)}",
    }
    print(f"{file}: {artifact.size_bytes} bytes, top-1 {score:.4f}", flush=True)
    return entry


def _described(artifact: Artifact, setting: Compression, images: Inputs) -> dict[str, Any]:
    exporter = {tool: version(tool) for tool in ROUTES[artifact.format].exporters}
    return {
        "compression": setting.name,
        "precision": setting.yields[artifact.format].precision,
        "format": artifact.format,
        "sha256": artifact.sha256,
        "bytes": artifact.size_bytes,
        "input_shape": [1, *images.test[0].shape[1:]],
        "input_layout": images.how.layout,
        "preprocess": asdict(images.how),
        "recipe": {**artifact.recipe, "exporter": exporter},
    }


def main() -> None:
    """Parse the command line, export all nets, write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SUITES / "artifacts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images: dict[Format, Inputs] = {kind: Inputs(kind) for kind in ROUTES}
    nets = [Trained(file.stem, file) for file in sorted(arguments.checkpoints.glob("*.pt"))]
    entries = [entry for net in nets for entry in export(net, arguments.out, images)]
    (arguments.out / "manifest.json").write_text(json.dumps({"schema": 1, "artifacts": entries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
