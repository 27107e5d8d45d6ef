"""`edgebench prepare`: build the model files that a suite lacks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, UsageError

from ._options import positive

if TYPE_CHECKING:
    from harness.core.artifact import Format
    from harness.core.case import Case

HELP = "build the model files that a suite lacks"
GROUP = "prepare"
EXAMPLE = "edgebench prepare imagenet --jobs 2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("suite", nargs="?", help="a built-in suite, or a suite file (.toml)")
    parser.add_argument(
        "--jobs", "-j", type=positive, default=1, metavar="N", help="files to build in parallel (default: 1)"
    )
    weights = parser.add_argument_group("weights trained elsewhere, instead of a suite")
    weights.add_argument(
        "--weights", metavar="FROM", help=".pt, .safetensors, .onnx, .tflite, .keras, URL#sha256=HEX, timm:NAME"
    )
    weights.add_argument("--model", metavar="NAME", help="net that the tensors belong to: family-width-resolution")
    weights.add_argument("--out", type=Path, metavar="DIR", help="folder for the model files")
    weights.add_argument("--preprocess", metavar="HOW", help="preprocessing, as for `edgebench run`")
    weights.add_argument("--same-padding", action="store_true", help="pad convolutions as TensorFlow does")
    training = parser.add_argument_group("settings that train")
    training.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="folder of trained nets (suites.preparation.training)"
    )
    training.add_argument("--data", type=Path, metavar="DIR", help="folder of the four Fashion-MNIST idx files")
    training.add_argument(
        "--train",
        action="store_true",
        help="train the nets missing in --checkpoints on --data first (minutes to hours each)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build the missing files; a file that cannot be built is named and does not stop the rest."""
    import suites
    from suites.preparation import prepare

    if arguments.weights is not None:
        return _weights(arguments)
    if arguments.suite is None:
        raise UsageError("nothing to prepare", "name a suite, or --weights and --out")
    if arguments.train and not (arguments.data and arguments.checkpoints):
        raise UsageError("--train needs --data and --checkpoints", "name the images and the folder for trained nets")
    wanted = list(prepare.missing_artifacts(suites.expand(suites.load(arguments.suite))))
    if arguments.train:
        _train(wanted, arguments)
    failed = _build(wanted, arguments) if wanted else 0
    if not failed:
        print("all files are there")
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _weights(arguments: argparse.Namespace) -> int:
    """Build the model files of weights that were trained elsewhere."""
    from suites.converter_output import quiet
    from suites.preparation.weights.pretrained import WeightsRequest

    if arguments.suite is not None or arguments.out is None:
        raise UsageError(
            "--weights needs --out and no suite", "edgebench prepare --weights net.pt --model ... --out DIR"
        )
    weights = WeightsRequest(
        arguments.weights, arguments.out, arguments.model, arguments.preprocess, same=arguments.same_padding
    )
    with quiet():
        written = list(weights.prepare())
    for path in written:
        print(f"{path} ({path.stat().st_size / 1e3:.0f} kB)")
    return EXIT_OK


def _train(wanted: list[tuple[Case, Format]], arguments: argparse.Namespace) -> None:
    """Run the trainings that the cases need. Each case is asked in turn, since one training serves several."""
    from suites.preparation import prepare
    from suites.preparation.from_checkpoints import (
        copy_shipped_checkpoint,
        require_torch,
        run_commands,
        shell_lines,
        training_commands,
    )

    require_torch()
    for case, kind in wanted:
        if not prepare.requires_training(case, kind):
            continue
        copy_shipped_checkpoint(case.model, arguments.checkpoints)
        try:
            remaining = training_commands(case, arguments.data, arguments.checkpoints)
        except UsageError:  # the net cannot be trained here; building it reports why
            continue
        for command in remaining:
            print(shell_lines([command]), flush=True)
        run_commands(remaining)


def _build(wanted: list[tuple[Case, Format]], arguments: argparse.Namespace) -> int:
    """Build the files and return how many failed."""
    from suites.preparation.prepare import build_all

    from ._progress import Tally

    failed = 0
    with Tally(len(wanted)) as tally:
        for built in build_all(wanted, arguments.jobs, arguments.checkpoints):
            name = f"{built.case.model} {built.case.compression}"
            if built.artifact:
                tally.done(f"{name}: {built.artifact.path} ({built.artifact.size_bytes / 1e3:.0f} kB)")
            else:
                failed += 1
                tally.done(f"{name} .{built.format}: {built.error}", good=False)
    sys.stdout.flush()
    return failed
