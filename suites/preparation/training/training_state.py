"""Trained nets kept as plain state dicts: ``<model>.pt`` as trained, ``<model>/<tuning>.pt`` after a setting.

Beside each lies its log, ``.jsonl``. ``<tuning>`` is the name of the settings that trained, joined by ``+``.

A net on its way through a training: what its next step depends on, all of which can be kept and taken up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from harness.core.errors import UsageError
from suites.compression.fine_tuned import TEMPERATURE, WEIGHT
from suites.nn.training_hooks import TrainingHooks

_KEPT = ("net", "optimiser", "schedule")


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run is made of; the whole of it is logged."""

    epochs: int
    seed: int = 0
    batch: int = 128
    learning_rate: float = 0.2
    """Peak of the one-cycle schedule (arXiv 1708.07120), reached after ``warm_up`` of all steps."""
    warm_up: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 3e-4
    """On convolution and linear weights only, neither on biases nor batch normalisation."""
    label_smoothing: float = 0.05


@dataclass(frozen=True)
class SavedState:
    """The file of an unfinished training, and the header of its log: a training with another does not go on there."""

    path: Path
    header: Mapping[str, Any]


class TrainingState:
    """Moves ``net``, in place, by SGD with Nesterov momentum under a one-cycle schedule of ``steps`` (> 0) steps."""

    def __init__(
        self,
        net: nn.Module,
        config: TrainingConfig,
        steps: int,
        hooks: Sequence[TrainingHooks],
        teacher: nn.Module | None,
    ):
        self.net, self.config, self.steps, self.hooks, self.teacher = net, config, steps, hooks, teacher
        self.generator = torch.Generator().manual_seed(config.seed)
        self.optimiser = _optimiser(net, config)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=steps, pct_start=config.warm_up, cycle_momentum=False
        )

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        """Learn a batch; its mean loss, and how many of its labels the net told before."""
        logits = self.net(images)
        value = self._loss(logits, labels, images)
        self.optimiser.zero_grad()
        value.backward()
        self.optimiser.step()
        self.schedule.step()
        for hook in self.hooks:
            hook.stepped(self.schedule.last_epoch / self.steps)
        return value.item(), int((logits.argmax(1) == labels).sum())

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Cross entropy with the labels; with a teacher, mixed with the divergence from its softened outputs."""
        hard = functional.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        if self.teacher is None:
            return hard
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):  # half the time; what it rounds away is no matter
            taught = functional.log_softmax(self.teacher(images).float() / TEMPERATURE, dim=1)
        soft = functional.kl_div(
            functional.log_softmax(logits / TEMPERATURE, dim=1), taught, reduction="batchmean", log_target=True
        )
        return (1 - WEIGHT) * hard + WEIGHT * TEMPERATURE**2 * soft

    def keep(self, kept: SavedState, log: list[dict[str, Any]]) -> None:
        """Write all of it, and what has been logged, to the file, whole or not at all."""
        partial = kept.path.with_name(f"{kept.path.name}.part")
        state = {name: getattr(self, name).state_dict() for name in _KEPT}
        state["hooks"] = [hook.state() for hook in self.hooks]
        chance = {"generator": self.generator.get_state(), "global": torch.get_rng_state()}
        torch.save({**state, "chance": chance, "header": dict(kept.header), "log": log}, partial)
        partial.rename(kept.path)

    def take_up(self, kept: SavedState) -> list[dict[str, Any]]:
        """Go on where ``keep`` wrote the file, and what was logged; UsageError where another training did.

        The steps to come are those of a training never interrupted.
        """
        state = torch.load(kept.path, weights_only=True)
        if state["header"] != kept.header:
            what = f"{kept.path} was kept by another training: {state['header']}"
            raise UsageError(what, "remove it, or ask for the same")
        for name in _KEPT:
            getattr(self, name).load_state_dict(state[name])
        for hook, its in zip(self.hooks, state["hooks"], strict=True):
            hook.restore(its)
        self.generator.set_state(state["chance"]["generator"])
        torch.set_rng_state(state["chance"]["global"])
        return cast("list[dict[str, Any]]", state["log"])


def _optimiser(net: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, config.learning_rate, config.momentum, nesterov=True)
