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
    """Where a net's weights are and what they are for."""

    folder: Path
    model: str
    fine_tuning_name: str = ""

    @property
    def path(self) -> Path:
        """The state dict."""
        return (
            self.folder / f"{self.model}/{self.fine_tuning_name}.pt"
            if self.fine_tuning_name
            else self.folder / f"{self.model}.pt"
        )

    @property
    def log(self) -> Path:
        """The training's log, JSON lines: configuration and versions first, then one line an epoch."""
        return self.path.with_name(self.path.name.removesuffix(".pt") + ".jsonl")

    @property
    def resume_path(self) -> Path:
        """What an interrupted training goes on from; gone when it has ended."""
        return self.path.with_name(self.path.name.removesuffix(".pt") + ".kept.pt")

    @property
    def header(self) -> dict[str, Any]:
        """The log's first line."""
        return cast("dict[str, Any]", json.loads(self.log.read_text().splitlines()[0]))

    @property
    def teacher(self) -> Checkpoint | None:
        """The net that taught this one."""
        named = self.header.get("teacher")
        return Checkpoint(self.folder, named["model"]) if named else None

    @property
    def variant(self) -> ModelVariant:
        """The parsed name."""
        return ModelVariant.parse(self.model)

    @property
    def parent(self) -> Checkpoint:
        """The net as trained, before any setting."""
        return Checkpoint(self.folder, self.model)

    def shaped(self) -> nn.Sequential:
        """The net in its final structure, with the parent's weights where a setting starts from them."""
        if not self.fine_tuning_name:
            return cast(nn.Sequential, load("models", self.variant.family).net(self.variant))
        net = self.parent.net()
        for setting in Chain.parse(self.fine_tuning_name).fine_tuning:
            setting.restructure(net)
        return net

    def begun(self) -> nn.Sequential:
        """The net as tuning starts: the parent's weights, in the structure that the settings begin with."""
        net = self.parent.net()
        for setting in Chain.parse(self.fine_tuning_name).fine_tuning:
            setting.before_training(net)
        return net

    def net(self) -> nn.Sequential:
        """The net with these weights, for inference."""
        net = self.shaped()
        net.load_state_dict(torch.load(self.path, weights_only=True))
        return cast(nn.Sequential, net.eval())


def versions() -> dict[str, str]:
    """Versions that decide the outcome of a training."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def log_line(log: Any, line: dict[str, Any]) -> None:
    """Write one line of the log, to be seen at once, and show it."""
    text = json.dumps(line)
    print(text, file=log, flush=True)
    print(text, flush=True)
