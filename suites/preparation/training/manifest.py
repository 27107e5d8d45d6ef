"""The manifest of the shipped artifacts: what each file is, how it was built, how accurate it is."""

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
"""An entry of the manifest; suites/artifacts/README.md describes the keys."""


@dataclass(frozen=True)
class BuiltArtifact:
    """An artifact and how it was built.

    Attributes:
        name: Names of all its settings.
        setting: The last of them, which wrote the file.
        artifact: The file.
    """

    name: str
    setting: Compression
    artifact: Artifact


def training_logs(checkpoint: Checkpoint) -> dict[str, Path]:
    """Return the log of a training and that of its teacher, by their file names in the net's folder of artifacts."""
    logs = {f"{checkpoint.fine_tuning_name or 'training'}.jsonl": checkpoint.log}
    return logs | ({f"{teacher.model}.jsonl": teacher.log} if (teacher := checkpoint.teacher) else {})


def net_entry(checkpoint: Checkpoint, net: torch.nn.Module) -> Entry:
    """Return the keys that all artifacts of a net share."""
    entry: Entry = {
        "model": checkpoint.model,
        "architecture": load("models", checkpoint.variant.family).title,
        "weights": "trained",
        "parameters": count_parameters(net),
        "macs": count_macs(net, checkpoint.variant.input_shape),
        "classes": checkpoint.variant.classes,
        "trained_on": "Fashion-MNIST, 60,000 training images",
        "training": _training(checkpoint.parent),
        "script": "suites/preparation/training/export.py",
        "licence": "Apache-2.0",
    }
    return entry | ({"tuning": _training(checkpoint)} if checkpoint.fine_tuning_name else {})


def _training(checkpoint: Checkpoint) -> Entry:
    log, *_ = training_logs(checkpoint)
    return {
        "log": f"{checkpoint.model}/{log}",
        "checkpoint_sha256": sha256_of(checkpoint.path),
        **checkpoint.header,
    }


def artifact_entry(built: BuiltArtifact, inputs: ModelInputs) -> Entry:
    """Return the keys of one artifact, which is scored on the test images."""
    artifact, exporter = built.artifact, EXPORTERS[built.artifact.format]
    images, labels = inputs.test
    return {
        "compression": built.name,
        "precision": built.setting.formats[artifact.format].precision,
        "format": artifact.format,
        "file": f"{artifact.path.parent.name}/{artifact.path.name}",
        "sha256": artifact.sha256,
        "bytes": artifact.size_bytes,
        "bytes_gzip": len(gzip.compress(artifact.path.read_bytes(), mtime=0)),
        "input_shape": [1, *images.shape[1:]],
        "input_layout": inputs.preprocess.layout,
        "preprocess": asdict(inputs.preprocess),
        "recipe": {
            **artifact.recipe,
            "setting": built.name,
            "exporter": {tool: version(tool) for tool in exporter.tools},
        },
        "top1_reference": {
            "top1": evaluate.top1(artifact.path, images, labels),
            "n": len(labels),
            "runtime": f"{exporter.runtime} {version(exporter.runtime)}",
        },
    }


def add_entry(folder: Path, entry: Entry) -> None:
    """Add an entry to the manifest of a folder; it replaces an earlier one of the same artifact."""
    path = folder / "manifest.json"
    entries: list[Entry] = json.loads(path.read_text())["artifacts"] if path.is_file() else []
    by_key = {_key(old): old for old in entries} | {_key(entry): entry}
    ordered = [by_key[key] for key in sorted(by_key)]
    path.write_text(json.dumps({"schema": 1, "artifacts": ordered}, indent=1) + "\n")


def _key(entry: Entry) -> tuple[str, str, str]:
    return entry["model"], entry["compression"], entry["format"]
