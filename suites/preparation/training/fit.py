"""One thread, one seed, the same operators in the same order: a training that comes out again.

The training loop, and what a net is worth after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import nn

from suites.nn.training_hooks import TrainingHooks

from .images import Images
from .paired import Hits
from .training_state import SavedState, TrainingConfig, TrainingState


def repeatable(seed: int) -> None:
    """Make what follows in this process deterministic."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # finds bugs of PyTorch, and takes a sixth of the time


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
    config: TrainingConfig,
    hooks: Sequence[TrainingHooks] = (),
    teacher: nn.Module | None = None,
    kept: SavedState | None = None,
) -> Iterator[Epoch]:
    """Train ``net`` in place, yielding after each epoch; none is fine. Deterministic on one thread of one machine.

    ``kept`` lets an interrupted training go on after its last whole epoch; those done are yielded again.
    UsageError, before anything is done, where another training left that file.
    """
    steps = config.epochs * (len(train.labels) // config.batch)
    if not steps:
        return iter(())
    course = TrainingState(net, config, steps, hooks, teacher)
    done = course.take_up(kept) if kept and kept.path.is_file() else []
    return _epochs(course, done, train, test, kept)


def _epochs(
    course: TrainingState, done: list[dict[str, Any]], train: Images, test: Images, kept: SavedState | None
) -> Iterator[Epoch]:
    yield from (Epoch(**epoch) for epoch in done)
    for number in range(len(done) + 1, course.config.epochs + 1):
        epoch = _epoch(course, number, train, test)
        done.append(asdict(epoch))
        if kept:
            course.keep(kept, done)
        yield epoch


def _epoch(course: TrainingState, number: int, train: Images, test: Images) -> Epoch:
    start = time.perf_counter()
    total, correct, seen = 0.0, 0, 0
    course.net.train()
    for images, labels in train.shuffled(course.config.batch, course.generator):
        loss, told = course.step(images, labels)
        total, correct, seen = total + loss * len(labels), correct + told, seen + len(labels)
    seconds = time.perf_counter() - start
    return Epoch(number, total / seen, correct / seen, top1(course.net, test), seconds)


def right(net: nn.Module, images: Images) -> Hits:
    """For each image whether its highest logit is its label."""
    net.eval()
    with torch.inference_mode():
        return cast("Hits", torch.cat([net(x).argmax(1) == y for x, y in images.batches(500)]).numpy())


def top1(net: nn.Module, images: Images) -> float:
    """Fraction of images whose highest logit is their label."""
    return float(right(net, images).mean())
