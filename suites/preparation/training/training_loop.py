"""Trained nets kept as plain state dicts: ``<model>.pt`` as trained, ``<model>/<tuning>.pt`` after a setting.

Beside each lies its log, ``.jsonl``. ``<tuning>`` is the name of the settings that trained, joined by ``+``.

A net on its way through a training: what its next step depends on, all of which can be kept and taken up again.

One thread, one seed, the same operators in the same order: a training that comes out again.

The training loop, and what a net is worth after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from harness.core.errors import UsageError
from suites.compression.fine_tuned import DISTILLATION_TEMPERATURE, TEACHER_WEIGHT
from suites.nn.training_hooks import TrainingHooks

from .fashion_mnist import LabelledImages
from .paired import Hits

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
class ResumePoint:
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
            hook.after_step(self.schedule.last_epoch / self.steps)
        return value.item(), int((logits.argmax(1) == labels).sum())

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Cross entropy with the labels; with a teacher, mixed with the divergence from its softened outputs."""
        hard = functional.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        if self.teacher is None:
            return hard
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):  # half the time; what it rounds away is no matter
            taught = functional.log_softmax(self.teacher(images).float() / DISTILLATION_TEMPERATURE, dim=1)
        soft = functional.kl_div(
            functional.log_softmax(logits / DISTILLATION_TEMPERATURE, dim=1),
            taught,
            reduction="batchmean",
            log_target=True,
        )
        return (1 - TEACHER_WEIGHT) * hard + TEACHER_WEIGHT * DISTILLATION_TEMPERATURE**2 * soft

    def keep(self, kept: ResumePoint, log: list[dict[str, Any]]) -> None:
        """Write all of it, and what has been logged, to the file, whole or not at all."""
        partial = kept.path.with_name(f"{kept.path.name}.part")
        state = {name: getattr(self, name).state_dict() for name in _KEPT}
        state["hooks"] = [hook.state() for hook in self.hooks]
        chance = {"generator": self.generator.get_state(), "global": torch.get_rng_state()}
        torch.save({**state, "chance": chance, "header": dict(kept.header), "log": log}, partial)
        partial.rename(kept.path)

    def take_up(self, kept: ResumePoint) -> list[dict[str, Any]]:
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


def make_deterministic(seed: int) -> None:
    """Make what follows in this process deterministic."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # finds bugs of PyTorch, and takes a sixth of the time


@dataclass(frozen=True)
class EpochResult:
    """Result of one epoch; accuracies are fractions, training ones on augmented images while weights moved."""

    epoch: int
    loss: float
    train_top1: float
    test_top1: float
    seconds: float


def fit(
    net: nn.Module,
    train: LabelledImages,
    test: LabelledImages,
    config: TrainingConfig,
    hooks: Sequence[TrainingHooks] = (),
    teacher: nn.Module | None = None,
    kept: ResumePoint | None = None,
) -> Iterator[EpochResult]:
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
    course: TrainingState,
    done: list[dict[str, Any]],
    train: LabelledImages,
    test: LabelledImages,
    kept: ResumePoint | None,
) -> Iterator[EpochResult]:
    yield from (EpochResult(**epoch) for epoch in done)
    for number in range(len(done) + 1, course.config.epochs + 1):
        epoch = _epoch(course, number, train, test)
        done.append(asdict(epoch))
        if kept:
            course.keep(kept, done)
        yield epoch


def _epoch(course: TrainingState, number: int, train: LabelledImages, test: LabelledImages) -> EpochResult:
    start = time.perf_counter()
    total, correct, seen = 0.0, 0, 0
    course.net.train()
    for images, labels in train.shuffled(course.config.batch, course.generator):
        loss, told = course.step(images, labels)
        total, correct, seen = total + loss * len(labels), correct + told, seen + len(labels)
    seconds = time.perf_counter() - start
    return EpochResult(number, total / seen, correct / seen, top1(course.net, test), seconds)


def hits(net: nn.Module, images: LabelledImages) -> Hits:
    """For each image whether its highest logit is its label."""
    net.eval()
    with torch.inference_mode():
        return cast("Hits", torch.cat([net(x).argmax(1) == y for x, y in images.batches(500)]).numpy())


def top1(net: nn.Module, images: LabelledImages) -> float:
    """Fraction of images whose highest logit is their label."""
    return float(hits(net, images).mean())
