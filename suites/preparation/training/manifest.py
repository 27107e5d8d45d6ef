"""The manifest of the shipped artifacts: what each file is, how it was made, how well it classifies."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from harness.core.artifact import Artifact, sha256_of
from harness.core.plugins import load
from suites.artifacts import evaluate
from suites.compression.base import Compression
from suites.nn.blocks import count_macs, count_parameters
from suites.preparation.torch_export import EXPORTERS

from .checkpoint import Checkpoint
from .fashion_mnist import ModelInputs

Entry = dict[str, Any]


@dataclass(frozen=True)
class BuiltArtifact:
    """An artifact, the name of all its settings and the last of them, which wrote the file."""

    name: str
    last: Compression
    artifact: Artifact


def training_logs(checkpoint: Checkpoint) -> dict[str, Path]:
    """The log of this training, and of its teacher's, by their names in the artifacts' folder of the net."""
    found = {f"{checkpoint.fine_tuning_name or 'training'}.jsonl": checkpoint.log}
    return found | ({f"{teacher.model}.jsonl": teacher.log} if (teacher := checkpoint.teacher) else {})


def net_entry(checkpoint: Checkpoint, net: torch.nn.Module) -> Entry:
    """The keys of an entry that all artifacts of this net share."""
    parent = checkpoint.parent
    shared: Entry = {
        "model": checkpoint.model,
        "architecture": load("models", checkpoint.variant.family).title,
        "weights": "trained",
        "parameters": count_parameters(net),
        "macs": count_macs(net, checkpoint.variant.input_shape),
        "classes": checkpoint.variant.classes,
        "trained_on": "Fashion-MNIST, 60,000 training images",
        "training": _training(parent),
        "script": "suites/preparation/training/export.py",
        "licence": "Apache-2.0",
    }
    return shared | ({"tuning": _training(checkpoint)} if checkpoint.fine_tuning_name else {})


def _training(checkpoint: Checkpoint) -> Entry:
    log, *_ = training_logs(checkpoint)
    return {
        "log": f"{checkpoint.model}/{log}",
        "checkpoint_sha256": sha256_of(checkpoint.path),
        **checkpoint.header,
    }


def artifact_entry(made: BuiltArtifact, inputs: ModelInputs) -> Entry:
    """The keys of one artifact; scores it on the test images."""
    artifact, route = made.artifact, EXPORTERS[made.artifact.format]
    images, labels = inputs.test
    return {
        "compression": made.name,
        "precision": made.last.formats[artifact.format].precision,
        "format": artifact.format,
        "file": f"{artifact.path.parent.name}/{artifact.path.name}",
        "sha256": artifact.sha256,
        "bytes": artifact.size_bytes,
        "bytes_gzip": len(gzip.compress(artifact.path.read_bytes(), mtime=0)),
        "input_shape": [1, *images.shape[1:]],
        "input_layout": inputs.how.layout,
        "preprocess": asdict(inputs.how),
        "recipe": {
            **artifact.recipe,
            "setting": made.name,
            "exporter": {tool: version(tool) for tool in route.exporters},
        },
        "top1_reference": {
            "top1": evaluate.top1(artifact.path, images, labels),
            "n": len(labels),
            "runtime": f"{route.runtime} {version(route.runtime)}",
        },
    }


def add_entry(folder: Path, entry: Entry) -> None:
    """Put an entry into the manifest of ``folder``, in the place of an earlier one of the same artifact."""
    path = folder / "manifest.json"
    entries: list[Entry] = json.loads(path.read_text())["artifacts"] if path.is_file() else []
    kept = {_key(old): old for old in entries} | {_key(entry): entry}
    ordered = [kept[key] for key in sorted(kept)]
    path.write_text(json.dumps({"schema": 1, "artifacts": ordered}, indent=1) + "\n")


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry["model"], entry["compression"], entry["format"]
