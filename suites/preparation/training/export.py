"""Make the shipped artifacts: ``python -m suites.preparation.training.export --checkpoints DIR``.

For each net in ``--checkpoints`` (written by ``train`` and ``tune`` beside this module) writes
``<model>/<setting>.<format>`` for every setting of ``SHIPPED`` and format, scores each on the 10,000 test images, and
writes training logs and ``manifest.json`` beside them. What was made before and is not made anew stays listed.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from suites.compression.base import Chain
from suites.preparation.torch_export import EXPORTERS

from . import manifest
from .checkpoint import Checkpoint
from .fashion_mnist import ModelInputs
from .manifest import BuiltArtifact, Entry

ARTIFACTS = Path(__file__).parents[2] / "artifacts"

SHIPPED = (
    "fp32",
    "fp16",
    "int8-dynamic",
    "int8-static",
    "int8-static-per-tensor",
    "int8-qat",
    "channel-pruned-50",
    "pruned-80",
    "distilled",
    "channel-pruned-50+distilled+int8-static",
)
"""Settings and compositions of each shipped net; one that trains is left out where its checkpoint is missing.

What else needs no training `edgebench prepare` makes of these, and 60 MB would not hold it.
"""


def exportable_checkpoints(folder: Path, wanted: Sequence[str]) -> Iterator[tuple[Checkpoint, list[str]]]:
    """Every net of ``folder`` with those of the ``wanted`` settings that start from its weights."""
    tunings: dict[str, list[str]] = {}
    for name in wanted:
        tunings.setdefault(Chain.parse(name).fine_tuning_name, []).append(name)
    for file in sorted(folder.glob("*.pt")):
        for tuning, names in tunings.items():
            checkpoint = Checkpoint(folder, file.stem, tuning)
            if checkpoint.path.is_file():
                yield checkpoint, names


def export_artifacts(checkpoint: Checkpoint, names: list[str], out: Path, images: list[ModelInputs]) -> Iterator[Entry]:
    """Write the artifacts of one net under ``names``; yields their manifest entries."""
    folder = out / checkpoint.model
    folder.mkdir(parents=True, exist_ok=True)
    for name, log in manifest.training_logs(checkpoint).items():
        shutil.copyfile(log, folder / name)
    net = checkpoint.net()
    facts = manifest.net_entry(checkpoint, net)
    for inputs in images:
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / f"float.{inputs.format}"
            EXPORTERS[inputs.format].write(net, checkpoint.variant, source)
            for name in names:
                chain = Chain.parse(name)
                artifact = chain.post_training.build(source, inputs.calibration, folder / f"{name}{source.suffix}")
                yield facts | manifest.artifact_entry(BuiltArtifact(name, chain.post_training, artifact), inputs)


def main() -> None:
    """Parse the command line, export all nets, write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="*", default=SHIPPED, help="all that are shipped by default")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ARTIFACTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = [ModelInputs(kind) for kind in EXPORTERS]
    for checkpoint, names in exportable_checkpoints(arguments.checkpoints, arguments.settings):
        for entry in export_artifacts(checkpoint, names, arguments.out, images):
            manifest.add_entry(arguments.out, entry)
            print(f"{entry['file']}: {entry['bytes']} bytes, top-1 {entry['top1_reference']['top1']:.4f}", flush=True)


if __name__ == "__main__":
    main()
