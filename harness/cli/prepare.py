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
        "--jobs", "-j", type=positive, default=1, metavar="N", help="files built at the same time (default: 1)"
    )
    weights = parser.add_argument_group("weights from elsewhere, instead of a suite")
    weights.add_argument(
        "--weights", metavar="FROM", help=".pt, .safetensors, .onnx, .tflite, .keras, URL#sha256=HEX, timm:NAME"
    )
    weights.add_argument("--model", metavar="NAME", help="what net tensors are for: family-width-resolution")
    weights.add_argument("--out", type=Path, metavar="DIR", help="where the model files go")
    weights.add_argument("--preprocess", metavar="HOW", help="how images become its input, as `edgebench run` takes it")
    weights.add_argument("--same-padding", action="store_true", help="pad convolutions as TensorFlow does")
    training = parser.add_argument_group("settings that train")
    training.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="trained nets of suites.preparation.training.train and .tune"
    )
    training.add_argument("--data", type=Path, metavar="DIR", help="folder of the four Fashion-MNIST idx files")
    training.add_argument(
        "--train", action="store_true", help="train first what --checkpoints lacks, on --data: minutes to hours each"
    )


def run(arguments: argparse.Namespace) -> int:
    """Build what is lacking; what cannot be built is named and does not stop the rest."""
    import suites
    from suites.preparation import prepare

    if arguments.weights is not None:
        return _weights(arguments)
    if arguments.suite is None:
        raise UsageError("nothing to prepare", "name a suite, or --weights and --out")
    if arguments.train and not (arguments.data and arguments.checkpoints):
        raise UsageError("--train needs --data and --checkpoints", "name the images and where trained nets are kept")
    wanted = list(prepare.missing_artifacts(suites.expand(suites.load(arguments.suite))))
    if arguments.train:
        _train(wanted, arguments)
    failed = _build(wanted, arguments) if wanted else 0
    if not failed:
        print("nothing is lacking")
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _weights(arguments: argparse.Namespace) -> int:
    """Model files of weights that others trained."""
    from suites.converter_output import quiet
    from suites.preparation.weights.pretrained import WeightsRequest

    if arguments.suite is not None or arguments.out is None:
        raise UsageError(
            "--weights needs --out and no suite", "edgebench prepare --weights net.pt --model ... --out DIR"
        )
    request = WeightsRequest(
        arguments.weights, arguments.out, arguments.model, arguments.preprocess, same=arguments.same_padding
    )
    with quiet():
        written = list(request.prepare())
    for path in written:
        print(f"{path} ({path.stat().st_size / 1e3:.0f} kB)")
    return EXIT_OK


def _train(wanted: list[tuple[Case, Format]], arguments: argparse.Namespace) -> None:
    """Run what is to be run before the cases can be built; asked anew for each, as one training serves several."""
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
            left = training_commands(case, arguments.data, arguments.checkpoints)
        except UsageError:  # a net that cannot be trained here: building it says why
            continue
        for command in left:
            print(shell_lines([command]), flush=True)
        run_commands(left)


def _build(wanted: list[tuple[Case, Format]], arguments: argparse.Namespace) -> int:
    """How many could not be built."""
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
