"""Checkpoints of trained nets: plain state dicts, each with the log of its training.

`<model>.pt` holds a net as trained from scratch, `<model>/<settings>.pt` the same net fine-tuned under the settings
that train, joined by '+'. The log beside it, `.jsonl`, has configuration and versions in its first line, then one line
per epoch.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from harness.core.plugins import load
from suites.compression.base import Chain
from suites.models.base import ModelVariant


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a net in a folder of checkpoints.

    Attributes:
        folder: The folder.
        model: Name of the net.
        fine_tuning_name: Names of the settings that it was fine-tuned under, joined by '+'; '' as trained from scratch.
    """

    folder: Path
    model: str
    fine_tuning_name: str = ""

    @property
    def path(self) -> Path:
        """The state dict."""
        name = f"{self.model}/{self.fine_tuning_name}" if self.fine_tuning_name else self.model
        return self.folder / f"{name}.pt"

    @property
    def log(self) -> Path:
        """The log of the training: JSON lines."""
        return self.path.with_name(self.path.name.removesuffix(".pt") + ".jsonl")

    @property
    def resume_path(self) -> Path:
        """The state that an interrupted training resumes from; deleted when the training has ended."""
        return self.path.with_name(self.path.name.removesuffix(".pt") + ".kept.pt")

    @property
    def header(self) -> dict[str, Any]:
        """The first line of the log."""
        return cast("dict[str, Any]", json.loads(self.log.read_text().splitlines()[0]))

    @property
    def teacher(self) -> Checkpoint | None:
        """The net that taught this one, None without a teacher."""
        teacher = self.header.get("teacher")
        return Checkpoint(self.folder, teacher["model"]) if teacher else None

    @property
    def variant(self) -> ModelVariant:
        """The variant of the net."""
        return ModelVariant.parse(self.model)

    @property
    def parent(self) -> Checkpoint:
        """The net as trained from scratch."""
        return Checkpoint(self.folder, self.model)

    def start_net(self) -> nn.Sequential:
        """Return the net that fine-tuning starts from: the parent's weights, in the settings' initial structure."""
        net = self.parent.net()
        for setting in Chain.parse(self.fine_tuning_name).fine_tuning:
            setting.before_training(net)
        return net

    def net(self) -> nn.Sequential:
        """Return the net with these weights, for inference."""
        net = self._final_structure()
        net.load_state_dict(torch.load(self.path, weights_only=True))
        return cast(nn.Sequential, net.eval())

    def _final_structure(self) -> nn.Sequential:
        """Return a net of the final structure, whose weights are to be loaded."""
        if not self.fine_tuning_name:
            return cast(nn.Sequential, load("models", self.variant.family).net(self.variant))
        net = self.parent.net()
        for setting in Chain.parse(self.fine_tuning_name).fine_tuning:
            setting.restructure(net)
        return net


def versions() -> dict[str, str]:
    """Return the versions that determine the outcome of a training, for its log."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def log_line(log: Any, line: dict[str, Any]) -> None:
    """Write a line to the log, flush it and print it."""
    text = json.dumps(line)
    print(text, file=log, flush=True)
    print(text, flush=True)
