"""The training loop: SGD with Nesterov momentum under a one-cycle schedule."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from suites.compression.distilled import TEMPERATURE, WEIGHT
from suites.nn.hooks import Hooks
from suites.training.hits import Hits
from suites.training.images import Images


@dataclass(frozen=True)
class Config:
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
class Epoch:
    """Result of one epoch; accuracies are fractions, training ones on augmented images while weights moved."""

    epoch: int
    loss: float
    train_top1: float
    test_top1: float
    seconds: float


def fit(
    net: nn.Module,
    train: Images,
    test: Images,
    config: Config,
    hooks: Sequence[Hooks] = (),
    teacher: nn.Module | None = None,
) -> Iterator[Epoch]:
    """Train ``net`` in place, yielding after each epoch; none is fine. Deterministic on one thread of one machine."""
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = _optimiser(net, config)
    steps = config.epochs * (len(train.labels) // config.batch)
    if not steps:
        return
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=steps, pct_start=config.warm_up, cycle_momentum=False
    )
    step = 0
    for epoch in range(1, config.epochs + 1):
        start = time.perf_counter()
        total, correct, seen = 0.0, 0, 0
        net.train()
        for images, labels in train.shuffled(config.batch, generator):
            logits = net(images)
            value = _loss(logits, labels, images, teacher, config)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            schedule.step()
            step += 1
            for hook in hooks:
                hook.stepped(step / steps)
            total += value.item() * len(labels)
            correct += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        seconds = time.perf_counter() - start
        yield Epoch(epoch, total / seen, correct / seen, top1(net, test), seconds)


def _loss(
    logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor, teacher: nn.Module | None, config: Config
) -> torch.Tensor:
    """Cross entropy with the labels; with a teacher, mixed with the divergence from its softened outputs."""
    hard = functional.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
    if teacher is None:
        return hard
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):  # half the time; what it rounds away is no matter here
        taught = functional.log_softmax(teacher(images).float() / TEMPERATURE, dim=1)
    soft = functional.kl_div(
        functional.log_softmax(logits / TEMPERATURE, dim=1), taught, reduction="batchmean", log_target=True
    )
    return (1 - WEIGHT) * hard + WEIGHT * TEMPERATURE**2 * soft


def _optimiser(net: nn.Module, config: Config) -> torch.optim.Optimizer:
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, config.learning_rate, config.momentum, nesterov=True)


def right(net: nn.Module, images: Images) -> Hits:
    """For each image whether its highest logit is its label."""
    net.eval()
    with torch.inference_mode():
        return cast("Hits", torch.cat([net(x).argmax(1) == y for x, y in images.batches(500)]).numpy())


def top1(net: nn.Module, images: Images) -> float:
    """Fraction of images whose highest logit is their label."""
    return float(right(net, images).mean())
