"""Write the shipped artifacts: `python -m suites.preparation.training.export --checkpoints DIR`.

For each net in `--checkpoints` (written by `train` and `tune` beside this module) this writes
`<model>/<setting>.<format>` for every setting of `SHIPPED` and every format, scores each on the 10,000 test images, and
writes training logs and `manifest.json` beside them. Entries of artifacts that are not written again stay in the
manifest.
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
"""Settings and chains of each shipped net; one that trains is left out where its checkpoint is missing.

`edgebench prepare` builds all other post-training settings from these, and 60 MB would not hold them.
"""


def exportable_checkpoints(folder: Path, settings: Sequence[str]) -> Iterator[tuple[Checkpoint, list[str]]]:
    """Yield every checkpoint of a folder, with those of the settings that start from its weights."""
    by_fine_tuning: dict[str, list[str]] = {}
    for name in settings:
        by_fine_tuning.setdefault(Chain.parse(name).fine_tuning_name, []).append(name)
    for file in sorted(folder.glob("*.pt")):
        for fine_tuning_name, names in by_fine_tuning.items():
            checkpoint = Checkpoint(folder, file.stem, fine_tuning_name)
            if checkpoint.path.is_file():
                yield checkpoint, names


def export_artifacts(
    checkpoint: Checkpoint, names: list[str], out: Path, formats: Sequence[ModelInputs]
) -> Iterator[Entry]:
    """Write the artifacts of a checkpoint and yield their manifest entries.

    Args:
        checkpoint: The net.
        names: Settings or chains to build, all with the checkpoint's fine-tuning.
        out: Folder of the artifacts.
        formats: Images for every format to write.
    """
    folder = out / checkpoint.model
    folder.mkdir(parents=True, exist_ok=True)
    for name, log in manifest.training_logs(checkpoint).items():
        shutil.copyfile(log, folder / name)
    net = checkpoint.net()
    shared = manifest.net_entry(checkpoint, net)
    for inputs in formats:
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / f"float.{inputs.format}"
            EXPORTERS[inputs.format].write(net, checkpoint.variant, source)
            for name in names:
                setting = Chain.parse(name).post_training
                artifact = setting.build(source, inputs.calibration, folder / f"{name}{source.suffix}")
                yield shared | manifest.artifact_entry(BuiltArtifact(name, setting, artifact), inputs)


def main() -> None:
    """Parse the command line, export all nets and write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", nargs="*", default=SHIPPED, help="settings to build (default: all that ship)")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument(
        "--out", type=Path, default=ARTIFACTS, help="folder of the artifacts (default: the shipped ones)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    formats = [ModelInputs(kind) for kind in EXPORTERS]
    for checkpoint, names in exportable_checkpoints(arguments.checkpoints, arguments.settings):
        for entry in export_artifacts(checkpoint, names, arguments.out, formats):
            manifest.add_entry(arguments.out, entry)
            print(f"{entry['file']}: {entry['bytes']} bytes, top-1 {entry['top1_reference']['top1']:.4f}", flush=True)


if __name__ == "__main__":
    main()
