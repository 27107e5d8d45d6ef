"""Train one embedded net: ``python -m suites.preparation.training.train mobilenet_v2-0.35-32 --data DIR --out DIR``.

Writes ``<model>.pt`` (a plain state dict, loadable with ``weights_only=True``) and ``<model>.jsonl``: one line
with configuration and versions, then one line an epoch. Interrupted, it goes on after its last whole epoch.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import torch

from harness.core.plugins import load
from suites.models.base import ModelVariant

from .checkpoint import Checkpoint, log_line, versions
from .fashion_mnist import LabelledImages
from .training_loop import ResumePoint, TrainingConfig, fit, make_deterministic


def train_net(model: str, data: Path, out: Path, config: TrainingConfig) -> None:
    """Train ``model`` from scratch on ``data`` and write weights and log to ``out``; one thread, seeded."""
    make_deterministic(config.seed)
    variant = ModelVariant.parse(model)
    net = load("models", variant.family).net(variant).to(memory_format=torch.channels_last)
    train, test, target = LabelledImages.load(data, "train"), LabelledImages.load(data, "t10k"), Checkpoint(out, model)
    header = {"model": model, "config": asdict(config), "versions": versions()}
    epochs = fit(net, train, test, config, kept=ResumePoint(target.resume_path, header))
    with target.log.open("w") as log:
        log_line(log, header)
        for epoch in epochs:
            log_line(log, asdict(epoch))
    torch.save(net.state_dict(), target.path)
    target.resume_path.unlink(missing_ok=True)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="family-width-resolution, as mobilenet_v2-0.35-32")
    parser.add_argument("--data", type=Path, required=True, help="folder of the four Fashion-MNIST idx files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--learning-rate", type=float, default=TrainingConfig.learning_rate, help="peak of the schedule"
    )
    parser.add_argument(
        "--label-smoothing", type=float, default=TrainingConfig.label_smoothing, help="0 for a net that teaches"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    chosen = ("epochs", "seed", "learning_rate", "label_smoothing")
    config = TrainingConfig(**{name: getattr(arguments, name) for name in chosen})
    train_net(arguments.model, arguments.data, arguments.out, config)


if __name__ == "__main__":
    main()
