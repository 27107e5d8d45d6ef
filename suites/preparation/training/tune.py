"""Tune a trained net under settings.

``python -m suites.preparation.training.tune MODEL SETTINGS --data DIR --checkpoints DIR``

SETTINGS are one or several settings that train, joined by ``+``. All act in the same run, so that with and without one
of them are compared under the same schedule, seed and images. The run starts from the ``<model>.pt`` that
``suites.preparation.training.train`` wrote, and writes ``<model>/<settings>.pt`` and ``.jsonl``. After an interrupt it
goes on from its last whole epoch.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.core.artifact import sha256_of
from suites.compression.base import Chain, FineTuningSetting
from suites.nn.blocks import count_macs, count_parameters
from suites.nn.training_hooks import TrainingHooks
from suites.nn.weight_pruning import sparsity
from suites.preparation.from_checkpoints import teacher_model

from .checkpoint import Checkpoint, log_line, versions
from .fashion_mnist import LabelledImages
from .paired import pack_hits
from .training_loop import ResumePoint, TrainingConfig, fit, hits, make_deterministic, top1

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises: shorter than from scratch."""


def fine_tuning_config(settings: Sequence[FineTuningSetting], seed: int) -> TrainingConfig:
    """The longest of the settings' schedules, with the lowest of their learning rates."""
    return TrainingConfig(
        epochs=max(setting.epochs for setting in settings),
        seed=seed,
        learning_rate=min(setting.learning_rate for setting in settings),
        warm_up=WARM_UP,
    )


def tune(target: Checkpoint, data: Path, teacher: Checkpoint | None, seed: int) -> None:
    """Write weights and log of ``target``, starting from its parent; one thread, seeded.

    ``teacher`` is left alone unless a setting of ``target`` is taught.
    """
    make_deterministic(seed)
    settings = Chain.parse(target.fine_tuning_name).fine_tuning
    config = fine_tuning_config(settings, seed)
    teacher = teacher if any(setting.distills for setting in settings) else None
    train, test = LabelledImages.load(data, "train"), LabelledImages.load(data, "t10k")
    net = target.begun().to(memory_format=torch.channels_last)
    hooks = [setting.hooks(net) for setting in settings]
    target.path.parent.mkdir(exist_ok=True)
    header, before = _header(target, settings, config, teacher), top1(net, test)
    epochs = fit(
        net, train, test, config, hooks, _net(teacher) if teacher else None, ResumePoint(target.resume_path, header)
    )
    with target.log.open("w") as log:
        log_line(log, header)
        log_line(log, {"epoch": 0, "test_top1": before})
        for epoch in epochs:
            log_line(log, asdict(epoch))
        log_line(log, _result(net, hooks, target, test))
    torch.save(net.state_dict(), target.path)
    target.resume_path.unlink(missing_ok=True)


def _net(teacher: Checkpoint) -> nn.Module:
    return teacher.net().to(memory_format=torch.channels_last)


def _header(
    target: Checkpoint, settings: Sequence[FineTuningSetting], config: TrainingConfig, teacher: Checkpoint | None
) -> dict[str, Any]:
    header = {
        "model": target.model,
        "settings": {setting.name: setting.parameters() for setting in settings},
        "config": asdict(config),
        "parent_sha256": sha256_of(target.parent.path),
        "versions": versions(),
    }
    if teacher:
        header["teacher"] = {"model": teacher.model, "checkpoint_sha256": sha256_of(teacher.path)}
    return header


def _result(net: nn.Module, hooks: Sequence[TrainingHooks], target: Checkpoint, test: LabelledImages) -> dict[str, Any]:
    """Counts and accuracy of the plain float net that is left when all hooks are gone."""
    for hook in reversed(hooks):
        hook.finish()
    correct = hits(net, test)
    return {
        "float_test_top1": float(correct.mean()),
        "test_right": pack_hits(correct),
        "parameters": count_parameters(net),
        "macs": count_macs(net, target.variant.input_shape),
        "sparsity": sparsity(net),
    }


def main() -> None:
    """Parse the command line and tune."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="family-width-resolution, as mobilenet_v2-0.35-32")
    parser.add_argument("settings", help="as channel-pruned-50+distilled")
    parser.add_argument("--data", type=Path, required=True, help="folder of the four Fashion-MNIST idx files")
    parser.add_argument("--checkpoints", type=Path, required=True, help="holds <model>.pt; results go here too")
    parser.add_argument("--teacher", help="model whose <model>.pt teaches; by default the larger net of the family")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, chain = arguments.checkpoints, Chain.parse(arguments.settings)
    taught = any(setting.distills for setting in chain.fine_tuning)
    teaching = Checkpoint(folder, arguments.teacher or teacher_model(arguments.model)) if taught else None
    tune(Checkpoint(folder, arguments.model, chain.fine_tuning_name), arguments.data, teaching, arguments.seed)


if __name__ == "__main__":
    main()
