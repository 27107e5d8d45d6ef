"""Options of `run` and `nightly run`, and the argument types that other commands share."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from harness.core.errors import UsageError
from harness.core.scenario import Driver, Load, Scenario

from ._store import add_store_option

if TYPE_CHECKING:
    from harness.core.hostfs import HostFs
    from harness.core.target import Target
    from harness.runs.config import RunConfig


def host_of(arguments: argparse.Namespace) -> HostFs:
    """Return the files of the machine that the arguments name: this one, or a recorded one."""
    root: Path | None = getattr(arguments, "host_root", None)
    if root is None:
        from harness.core.hostfs import HostFs

        return HostFs()
    from harness.host.replay import open_host

    return open_host(root)


def folders_of(arguments: argparse.Namespace) -> list[Path]:
    """Return the descriptor folders that the arguments name, see `descriptor_folders`."""
    return descriptor_folders(getattr(arguments, "targets", None))


def descriptor_folders(folder: Path | None) -> list[Path]:
    """Return the descriptor folders besides the user's and the built-in one.

    Raises:
        UsageError: `folder`, that of `--targets`, does not exist.
    """
    if folder and not folder.is_dir():
        raise UsageError(f"no folder of descriptors: {folder}", "it holds NAME.toml files: see docs/add-a-target.md")
    return [folder] if folder else []


def target_of(name: str, fs: HostFs, arguments: argparse.Namespace) -> Target:
    """Return the target called `name`; 'auto' is the board that `fs` belongs to."""
    import targets

    folders = folders_of(arguments)
    return targets.detect(fs, folders).target if name == "auto" else targets.load(name, folders)


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Parse 'NAME=1x3x224x224' into a name and a shape."""
    match = re.fullmatch(r"(.+)=(\d+(?:[x,]\d+)*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=1x3x224x224")
    return match[1], tuple(int(size) for size in re.split("[x,]", match[2]))


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    if not re.fullmatch(r"0*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


def number(text: str) -> float:
    """Parse a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value


def positive_number(text: str) -> float:
    """Parse a finite number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def mebibytes(text: str) -> int:
    """Parse a number of MiB above 0 into bytes."""
    return positive(text) << 20


def runtime_option(text: str) -> tuple[str, str, str]:
    """Parse 'onnxruntime-cuda:use_tf32=1' into runtime, key and value."""
    name, _, rest = text.partition(":")
    key, equals, value = rest.partition("=")
    if not name or not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}': NAME:KEY=VALUE expected, such as openvino-cpu:NUM_STREAMS=2")
    return name, key, value


def by_runtime(options: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Return the options of each runtime; the last value of an option given twice counts."""
    grouped: dict[str, dict[str, str]] = {}
    for name, key, value in options:
        grouped.setdefault(name, {})[key] = value
    return grouped


def replacement(text: str) -> tuple[str, Path]:
    """Parse 'CASE=FILE' into case id and path."""
    case, _, file = text.rpartition("=")
    if not case or not file:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form CASE=FILE")
    return case, Path(file)


def points(text: str) -> float:
    """Parse percentage points above 0 and below 100."""
    value = number(text)
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100 points")
    return value


def add_wait_for_quiet(parser: argparse._ActionsContainer) -> None:
    """Declare `--wait-for-quiet`."""
    parser.add_argument(
        "--wait-for-quiet",
        type=positive_number,
        metavar="SECONDS",
        help="before measuring, wait at most so long until no task waits for a CPU",
    )


def add_on_option(parser: argparse._ActionsContainer) -> None:
    """Declare `--on`."""
    parser.add_argument("--on", metavar="BOARD", help="on this board, over SSH: pi@raspberrypi.local (docs/remote.md)")


def add_format_option(parser: argparse._ActionsContainer) -> None:
    """Declare `--format`."""
    parser.add_argument(
        "--format",
        choices=("terminal", "csv", "json", "markdown"),
        default="terminal",
        help="print in this format (default: terminal)",
    )


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a scenario."""
    group = parser.add_argument_group("scenario", "docs/scenarios.md describes what each one measures")
    names = get_args(Scenario)
    group.add_argument("--scenario", choices=names, metavar="NAME", help=f"for all cases: {', '.join(names)}")
    group.add_argument("--driver", choices=get_args(Driver), help="what sends the queries (loadgen: that of MLPerf)")
    group.add_argument("--batch", type=positive, metavar="N", help="samples per inference (default: the suite's)")
    group.add_argument("--samples-per-query", type=positive, metavar="N", help="for MultiStream (default: 8)")
    group.add_argument("--streams", type=positive, metavar="N", help="concurrent sessions for Offline (default: 1)")
    group.add_argument("--rate", type=number, metavar="N", help="inferences per second for Server and paced")
    group.add_argument("--latency-bound", type=number, metavar="MS", help="p99 latency bound (Server)")
    group.add_argument("--minutes", type=number, metavar="N", help="duration of sustained (default: 5)")


def load(arguments: argparse.Namespace) -> Load:
    """Return the scenario's parameters.

    Raises:
        ScenarioError: A parameter is not above 0.
    """
    bound_ms = arguments.latency_bound
    return Load(
        samples_per_query=arguments.samples_per_query,
        streams=arguments.streams,
        rate_per_s=arguments.rate,
        latency_bound_ns=None if bound_ms is None else round(bound_ms * 1e6),
        minutes=arguments.minutes,
    )


Group = argparse._ArgumentGroup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "suite",
        nargs="*",
        metavar="SUITE|MODEL",
        help="a built-in suite, a suite's .toml file, or model files of your own (default: quick)",
    )
    _add_what(parser.add_argument_group("models and cases"))
    add_scenario(parser)
    _add_how(parser.add_argument_group("measurement"))
    _add_figures(parser.add_argument_group("accuracy and statistics"))
    _add_output(parser.add_argument_group("output"))


def _add_what(what: Group) -> None:
    what.add_argument(
        "--model", action="append", default=[], metavar="FILE", help="your .onnx, .tflite, .xml, ... file; repeatable"
    )
    what.add_argument("--reference", metavar="FILE", help="the float model that the other --model files were made from")
    what.add_argument("--data", metavar="DIR", help="labelled images for --model, one sub-folder per class")
    what.add_argument(
        "--task", default="classification", metavar="NAME", help="what --model is to do (default: classification)"
    )
    what.add_argument(
        "--decode", metavar="NAME", help="convention of the outputs of --model, where the task cannot recognise it"
    )
    what.add_argument(
        "--compress",
        metavar="SETTINGS",
        help="compress the float .onnx of --model: a list such as int8-static,fp16, or all (without training)",
    )
    what.add_argument(
        "--preprocess", metavar="HOW", help="preset or settings: imagenet, or unit,resize=40,mean=0.5,std=0.5"
    )
    what.add_argument("--output", metavar="NAME", help="output of --model that is scored (default: by size and name)")
    what.add_argument(
        "--label-offset",
        type=int,
        metavar="N",
        help="label 0 of --data is output N of --model (default: 1 with 1001 outputs, else 0)",
    )
    what.add_argument(
        "--label-order",
        choices=("name", "number"),
        help="how class folders 0, 1, 10, 2 are counted (default: by name, as torchvision and Keras do)",
    )
    what.add_argument(
        "--inputs",
        metavar="FILE",
        help="measure --model with these arrays: an .npz with one for each input by name, or an .npy for the only one",
    )
    what.add_argument(
        "--shape",
        action="append",
        default=[],
        type=shape,
        metavar="NAME=1x3x224x224",
        help="shape of a dynamic input; repeatable",
    )
    what.add_argument(
        "--signature",
        action="append",
        default=[],
        metavar="NAME",
        help="entry point of --model to measure, or all for a case of each; repeatable (default: the primary one)",
    )
    what.add_argument(
        "--filter",
        "-k",
        action="append",
        default=[],
        metavar="TEXT",
        help="only cases whose id contains TEXT; repeatable",
    )
    what.add_argument(
        *("--artifact",), action="append", default=[], type=replacement, metavar="CASE=FILE",
        help="measure this model file instead of the case's; repeatable",
    )  # fmt: skip
    what.add_argument("--runtime", action="append", default=[], metavar="NAME", help="only this runtime; repeatable")
    what.add_argument(
        "--runtime-option",
        action="append",
        default=[],
        type=runtime_option,
        metavar="NAME:KEY=VALUE",
        help="pass an option to a runtime; repeatable",
    )
    what.add_argument("--threads", type=positive, metavar="N", help="intra-op threads (default: the suite's)")


def _add_how(how: Group) -> None:
    how.add_argument("--target", default="auto", metavar="NAME", help="target descriptor (default: detect this board)")
    how.add_argument("--profile", metavar="NAME", help="smoke, quick, standard or full (default: the suite's)")
    how.add_argument(
        "--pipeline",
        action="store_true",
        help="also time whole frames of --data: pre-processing, inference and post-processing, each apart and as a sum",
    )
    how.add_argument(
        "--deep",
        action=argparse.BooleanOptionalAction,
        help="add passes for operator times and memory over time (default: in standard and full)",
    )
    how.add_argument(
        "--tune", action="store_true", help="set governor and similar for the run, restore them afterwards"
    )
    how.add_argument("--strict", action="store_true", help="refuse to measure if a check of the machine fails")
    add_wait_for_quiet(how)
    how.add_argument("--timeout", type=positive_number, metavar="SECONDS", help="kill a process that takes longer")
    how.add_argument(
        "--memory-limit", type=mebibytes, metavar="MIB", help="kill a process that uses more (default: by target)"
    )
    how.add_argument(
        "--power-supply", metavar="TEXT", help="power supply to note in the record, such as 'official 27 W'"
    )
    how.add_argument("--ambient-c", type=number, metavar="DEGREES", help="room temperature to note in the record")
    how.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the order and of synthetic inputs (default: 0)"
    )


def _add_figures(figures: Group) -> None:
    figures.add_argument("--images", type=positive, metavar="N", help="score accuracy on the first N images")
    figures.add_argument(
        "--accuracy-stop",
        action="store_true",
        help="stop scoring once a case is decided against fp32: better, worse, or within --accuracy-margin",
    )
    figures.add_argument("--accuracy-margin", type=points, metavar="POINTS", help="for --accuracy-stop (default: 1)")
    figures.add_argument(
        "--percentile-definition",
        choices=("numpy", "loadgen", "openvino", "trtexec"),
        default="numpy",
        help="definition of p90 and above, to compare with that tool (default: numpy)",
    )


def _add_output(out: Group) -> None:
    out.add_argument("--out", metavar="DIR", help="run folder (default: runs/<time>-<suite>)")
    out.add_argument(
        "--resume", action="store_true", help="resume the interrupted run in --out; finished cases are kept"
    )
    out.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(out, "add the run to this store (default: $EDGEBENCH_STORE, or your own if it exists)")
    out.add_argument("--no-report", action="store_true", help="do not write report.html")


def _suite_and_models(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the suite among the words, if there is one, and the model files.

    Raises:
        UsageError: They name several suites.
    """
    import suites
    from harness.core.artifact import format_of

    models = [word for word in words if word not in suites.names() and format_of(Path(word)) is not None]
    found = [word for word in words if word not in models]
    if len(found) > 1:
        for word in found:  # one that is no suite is misspelled
            suites.load(word)
        raise UsageError(f"several suites: {', '.join(found)}", "name one; model files may stand beside it")
    return (found[0] if found else None), models


_OF_IMAGES = {
    "preprocess": "--preprocess",
    "output": "--output",
    "label_offset": "--label-offset",
    "label_order": "--label-order",
}


def _refuse_ignored(arguments: argparse.Namespace, models: Sequence[str]) -> None:
    """Raise UsageError for options that would have no effect without another one."""
    if arguments.accuracy_margin is not None and not arguments.accuracy_stop:
        raise UsageError("--accuracy-margin needs --accuracy-stop", "add --accuracy-stop, or leave it out")
    given = [option for name, option in _OF_IMAGES.items() if getattr(arguments, name) is not None]
    if given and models and not arguments.data:
        needs = "needs" if len(given) == 1 else "need"
        raise UsageError(f"{' and '.join(given)} {needs} labelled images", "add --data DIR, or leave it out")


def config_of(arguments: argparse.Namespace) -> RunConfig:
    """Return the configuration that the command line describes."""
    from harness.datasets.label_mapping import LabelChoice
    from harness.runs.config import RunConfig

    suite, models = _suite_and_models(arguments.suite)
    models += arguments.model
    _refuse_ignored(arguments, models)
    return RunConfig(
        suite=suite,
        models=models,
        data=arguments.data,
        reference=arguments.reference,
        compress=arguments.compress,
        task=arguments.task,
        decode=arguments.decode,
        preprocess=arguments.preprocess,
        output=arguments.output,
        labels=LabelChoice(arguments.label_offset, arguments.label_order),
        inputs=arguments.inputs,
        shapes=dict(arguments.shape),
        signatures=arguments.signature,
        filters=arguments.filter,
        runtimes=arguments.runtime,
        runtime_options=by_runtime(arguments.runtime_option),
        threads=arguments.threads,
        batch=arguments.batch,
        scenario=arguments.scenario,
        load=load(arguments),
        driver=arguments.driver,
        target_name=arguments.target,
        profile=arguments.profile,
        deep=arguments.deep,
        pipeline=arguments.pipeline,
        images=arguments.images,
        accuracy_margin=(arguments.accuracy_margin or 1.0) / 100 if arguments.accuracy_stop else None,
        timeout_s=arguments.timeout,
        memory_bytes=arguments.memory_limit,
        seed=arguments.seed,
        out=arguments.out,
        command=("edgebench", *arguments.words),
        percentiles=arguments.percentile_definition,
        resume=arguments.resume,
        tune=arguments.tune,
        strict=arguments.strict,
        wait_for_quiet_s=arguments.wait_for_quiet,
        power_supply=arguments.power_supply,
        ambient_c=arguments.ambient_c,
        fs=host_of(arguments),
        descriptors=folders_of(arguments),
        replacements=dict(arguments.artifact),
    )
