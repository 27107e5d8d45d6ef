"""A deterministic training loop that can be interrupted and resumed.

With one thread and one seed the same operators run in the same order: on one machine with the same versions a training
gives the same weights again.
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

_STATEFUL = ("net", "optimiser", "schedule")
"""Attributes of a training state whose state dicts are saved; names are keys of the file."""


@dataclass(frozen=True)
class TrainingConfig:
    """Parameters of a training, all of which are logged.

    Attributes:
        epochs: Passes over the training images.
        seed: Seed of initial weights, order and augmentation.
        batch: Images per step.
        learning_rate: Peak of the one-cycle schedule (arXiv 1708.07120).
        warm_up: Share of the steps after which the peak is reached.
        momentum: Nesterov momentum.
        weight_decay: Decay of convolution and linear weights; biases and batch normalisation have none.
        label_smoothing: Share of the label's probability that is spread over all classes.
    """

    epochs: int
    seed: int = 0
    batch: int = 128
    learning_rate: float = 0.2
    warm_up: float = 0.2
    momentum: float = 0.9
    weight_decay: float = 3e-4
    label_smoothing: float = 0.05


@dataclass(frozen=True)
class ResumePoint:
    """Where the state of an unfinished training is saved.

    Attributes:
        path: The file.
        header: Header of the training's log. A training with another header does not resume from the file.
    """

    path: Path
    header: Mapping[str, Any]


@dataclass(frozen=True)
class EpochResult:
    """The result of one epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        loss: Mean training loss.
        train_top1: Accuracy on the augmented training images while the weights changed, from 0 to 1.
        test_top1: Accuracy on the test images after the epoch, from 0 to 1.
        seconds: Time of the training, without the test.
    """

    epoch: int
    loss: float
    train_top1: float
    test_top1: float
    seconds: float


def make_deterministic(seed: int) -> None:
    """Make the rest of this process deterministic: one thread, seeded."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    # filling memory finds bugs of PyTorch and takes a sixth of the time
    torch.utils.deterministic.fill_uninitialized_memory = False


class TrainingState:
    """A net in training, by SGD with Nesterov momentum under a one-cycle schedule.

    Args:
        net: The net, trained in place.
        config: Parameters of the training.
        steps: Number of steps, above 0.
        hooks: Called after every step.
        teacher: A net whose outputs are learned as well as the labels.
    """

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
        self.optimiser = _optimizer(net, config)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, config.learning_rate, total_steps=steps, pct_start=config.warm_up, cycle_momentum=False
        )

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        """Train on a batch.

        Returns:
            The mean loss, and how many images were classified correctly before the step.
        """
        logits = self.net(images)
        loss = self._loss(logits, labels, images)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        for hook in self.hooks:
            hook.after_step(self.schedule.last_epoch / self.steps)
        return loss.item(), int((logits.argmax(1) == labels).sum())

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """Return the cross entropy; with a teacher, mixed with the divergence from its softened outputs."""
        label_loss = functional.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)
        if self.teacher is None:
            return label_loss
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):  # half the time; the rounding does not matter
            target = functional.log_softmax(self.teacher(images).float() / DISTILLATION_TEMPERATURE, dim=1)
        teacher_loss = functional.kl_div(
            functional.log_softmax(logits / DISTILLATION_TEMPERATURE, dim=1),
            target,
            reduction="batchmean",
            log_target=True,
        )
        return (1 - TEACHER_WEIGHT) * label_loss + TEACHER_WEIGHT * DISTILLATION_TEMPERATURE**2 * teacher_loss

    def save(self, resume: ResumePoint, log: list[dict[str, Any]]) -> None:
        """Save the whole state and the log so far; the file is replaced atomically."""
        partial = resume.path.with_name(f"{resume.path.name}.part")
        state = {name: getattr(self, name).state_dict() for name in _STATEFUL}
        state["hooks"] = [hook.state() for hook in self.hooks]
        generators = {"generator": self.generator.get_state(), "global": torch.get_rng_state()}
        torch.save({**state, "chance": generators, "header": dict(resume.header), "log": log}, partial)
        partial.rename(resume.path)

    def load(self, resume: ResumePoint) -> list[dict[str, Any]]:
        """Load the state that `save` wrote; the next steps are those of a training that was never interrupted.

        Returns:
            The log so far.

        Raises:
            UsageError: Another training saved the file.
        """
        state = torch.load(resume.path, weights_only=True)
        if state["header"] != resume.header:
            raise UsageError(
                f"{resume.path} was saved by another training: {state['header']}",
                "delete it, or run the training that saved it",
            )
        for name in _STATEFUL:
            getattr(self, name).load_state_dict(state[name])
        for hook, hook_state in zip(self.hooks, state["hooks"], strict=True):
            hook.restore(hook_state)
        self.generator.set_state(state["chance"]["generator"])
        torch.set_rng_state(state["chance"]["global"])
        return cast("list[dict[str, Any]]", state["log"])


def _optimizer(net: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, config.learning_rate, config.momentum, nesterov=True)


def fit(
    net: nn.Module,
    train: LabelledImages,
    test: LabelledImages,
    config: TrainingConfig,
    hooks: Sequence[TrainingHooks] = (),
    teacher: nn.Module | None = None,
    resume: ResumePoint | None = None,
) -> Iterator[EpochResult]:
    """Train a net in place; the result of each epoch is yielded after it.

    Args:
        net: The net.
        train: Training images.
        test: Test images, which are only scored.
        config: Parameters of the training; 0 epochs train nothing.
        hooks: Called after every step.
        teacher: A net whose outputs are learned as well as the labels.
        resume: Where the state is saved after every epoch. A training that finds its file there continues after the
            last whole epoch; the epochs before are yielded again.

    Raises:
        UsageError: Another training saved the file of `resume`; raised before any training.
    """
    steps = config.epochs * (len(train.labels) // config.batch)
    if not steps:
        return iter(())
    state = TrainingState(net, config, steps, hooks, teacher)
    log = state.load(resume) if resume and resume.path.is_file() else []
    return _epochs(state, log, train, test, resume)


def _epochs(
    state: TrainingState,
    log: list[dict[str, Any]],
    train: LabelledImages,
    test: LabelledImages,
    resume: ResumePoint | None,
) -> Iterator[EpochResult]:
    yield from (EpochResult(**epoch) for epoch in log)
    for number in range(len(log) + 1, state.config.epochs + 1):
        epoch = _epoch(state, number, train, test)
        log.append(asdict(epoch))
        if resume:
            state.save(resume, log)
        yield epoch


def _epoch(state: TrainingState, number: int, train: LabelledImages, test: LabelledImages) -> EpochResult:
    start = time.perf_counter()
    total_loss, n_correct, n_images = 0.0, 0, 0
    state.net.train()
    for images, labels in train.shuffled(state.config.batch, state.generator):
        loss, correct = state.step(images, labels)
        total_loss, n_correct, n_images = total_loss + loss * len(labels), n_correct + correct, n_images + len(labels)
    seconds = time.perf_counter() - start
    return EpochResult(number, total_loss / n_images, n_correct / n_images, top1(state.net, test), seconds)


def hits(net: nn.Module, images: LabelledImages) -> Hits:
    """Return for each image whether its highest logit is its label."""
    net.eval()
    with torch.inference_mode():
        return cast("Hits", torch.cat([net(x).argmax(1) == y for x, y in images.batches(500)]).numpy())


def top1(net: nn.Module, images: LabelledImages) -> float:
    """Return the share of images whose highest logit is their label."""
    return float(hits(net, images).mean())
