"""Options shared by commands: argument types, the machine to read, and what `run` and `nightly run` measure."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from harness.core.errors import UsageError
from harness.core.scenario import Driver, Load, Scenario

from ._store import add_store_option

if TYPE_CHECKING:
    from harness.core.hostfs import HostFs
    from harness.core.target import Target
    from harness.runs.config import RunConfig


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Options every command understands: where the machine is read from, where descriptors are looked for."""
    parser.add_argument(
        "--host-root", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="read a recorded machine (host record)"
    )
    parser.add_argument(
        "--targets", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="a folder with descriptors of your own"
    )


def host_of(arguments: argparse.Namespace) -> HostFs:
    """The files of the machine that the arguments name."""
    from harness.host.replay import open_host

    return open_host(getattr(arguments, "host_root", None))


def folders_of(arguments: argparse.Namespace) -> list[Path]:
    """Descriptor folders beside the user's own and the built-in one. UsageError where the one named is none."""
    folder: Path | None = getattr(arguments, "targets", None)
    if folder and not folder.is_dir():
        raise UsageError(f"no folder of descriptors: {folder}", "it holds NAME.toml files: see docs/add-a-target.md")
    return [folder] if folder else []


def target_of(name: str, fs: HostFs, arguments: argparse.Namespace) -> Target:
    """The target called `name`, 'auto' for the board behind `fs`."""
    import targets

    folders = folders_of(arguments)
    return targets.detect(fs, folders).target if name == "auto" else targets.load(name, folders)


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """'NAME=1x3x224x224' as a name and a shape."""
    match = re.fullmatch(r"(.+)=(\d+(?:[x,]\d+)*)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=1x3x224x224")
    return match[1], tuple(int(size) for size in re.split("[x,]", match[2]))


def positive(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def mebibytes(text: str) -> int:
    """MiB above 0, as bytes."""
    return positive(text) << 20


def runtime_option(text: str) -> tuple[str, str, str]:
    """'onnxruntime-cuda:use_tf32=1' as runtime, key and value."""
    name, _, rest = text.partition(":")
    key, equals, value = rest.partition("=")
    if not name or not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}': NAME:KEY=VALUE expected, such as openvino-cpu:NUM_STREAMS=2")
    return name, key, value


def by_runtime(options: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """The options of each runtime; of one given twice the last."""
    found: dict[str, dict[str, str]] = {}
    for name, key, value in options:
        found.setdefault(name, {})[key] = value
    return found


def points(text: str) -> float:
    """Percentage points above 0 and below 100."""
    number = float(text)
    if not 0 < number < 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100 points")
    return number


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a scenario."""
    group = parser.add_argument_group("scenario", "docs/scenarios.md says what each measures")
    names = get_args(Scenario)
    group.add_argument("--scenario", choices=names, metavar="NAME", help=f"for every case: {', '.join(names)}")
    group.add_argument("--driver", choices=get_args(Driver), help="who sends the queries (loadgen: MLPerf's own)")
    group.add_argument("--batch", type=positive, metavar="N", help="samples an inference instead of the suite's")
    group.add_argument("--samples-per-query", type=positive, metavar="N", help="in MultiStream (default: 8)")
    group.add_argument("--streams", type=positive, metavar="N", help="sessions at once in Offline (default: 1)")
    group.add_argument("--rate", type=float, metavar="N", help="inferences a second in Server and paced")
    group.add_argument("--latency-bound", type=float, metavar="MS", help="p99 latency bound (Server)")
    group.add_argument("--minutes", type=float, metavar="N", help="how long sustained runs (default: 5)")


def load(arguments: argparse.Namespace) -> Load:
    """The scenario's parameters as given. ScenarioError for one that is not above 0."""
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
    parser.add_argument("suite", nargs="?", help="a built-in suite or a .toml file (default: quick)")
    _add_what(parser.add_argument_group("what"))
    add_scenario(parser)
    _add_how(parser.add_argument_group("how"))
    _add_figures(parser.add_argument_group("figures"))
    _add_output(parser.add_argument_group("output"))


def _add_what(what: Group) -> None:
    what.add_argument(
        "--model", action="append", default=[], metavar="FILE", help="your .onnx, .tflite, .xml, ...; repeatable"
    )
    what.add_argument(
        "--reference", metavar="FILE", help="the float model that your other --model files were made from"
    )
    what.add_argument("--data", metavar="DIR", help="labelled images for --model: one sub-folder a class")
    what.add_argument(
        "--compress",
        metavar="SETTINGS",
        help="put the float .onnx of --model through all settings that need no training, or through int8-static,fp16",
    )
    what.add_argument(
        "--preprocess", metavar="HOW", help="preset or settings: imagenet, unit,resize=40,mean=0.5,std=0.5"
    )
    what.add_argument(
        "--shape", action="append", default=[], type=shape, metavar="NAME=1x3x224x224", help="shape of a dynamic input"
    )
    what.add_argument(
        "--filter", "-k", action="append", default=[], metavar="TEXT", help="only cases whose id has TEXT"
    )
    what.add_argument("--runtime", action="append", default=[], metavar="NAME", help="only this runtime; repeatable")
    what.add_argument(
        "--runtime-option",
        action="append",
        default=[],
        type=runtime_option,
        metavar="NAME:KEY=VALUE",
        help="an option of a runtime in its own words; repeatable",
    )
    what.add_argument("--threads", type=positive, metavar="N", help="intra-op threads instead of the suite's")


def _add_how(how: Group) -> None:
    how.add_argument("--target", default="auto", help="target descriptor (default: the board this machine is)")
    how.add_argument("--profile", help="smoke, quick, standard or full instead of the suite's")
    how.add_argument(
        "--deep",
        action=argparse.BooleanOptionalAction,
        help="also operators and memory over time, in passes of their own (default: in standard and full)",
    )
    how.add_argument("--tune", action="store_true", help="set governor and the like for the run, and back at its end")
    how.add_argument("--strict", action="store_true", help="refuse to measure when a check of the machine fails")
    how.add_argument("--timeout", type=float, metavar="SECONDS", help="a process that takes longer is killed")
    how.add_argument(
        "--memory-limit", type=mebibytes, metavar="MIB", help="a process that holds more is killed (default: by target)"
    )
    how.add_argument("--power-supply", metavar="TEXT", help="what feeds the machine, for the record: 'official 27 W'")
    how.add_argument("--ambient-c", type=float, metavar="DEGREES", help="temperature of the room, for the record")
    how.add_argument("--seed", type=int, default=0, help="seed of order and synthetic inputs (default: 0)")


def _add_figures(figures: Group) -> None:
    figures.add_argument("--images", type=positive, metavar="N", help="score accuracy on the first N images")
    figures.add_argument(
        "--accuracy-stop",
        action="store_true",
        help="score a case until it is decided against fp32: better, worse, or within --accuracy-margin",
    )
    figures.add_argument(
        "--accuracy-margin", type=points, default=1.0, metavar="POINTS", help="for --accuracy-stop (default: 1)"
    )
    figures.add_argument(
        "--percentile-definition",
        choices=("numpy", "loadgen", "openvino", "trtexec"),
        default="numpy",
        help="of p90 and above, for comparison with that tool (default: numpy)",
    )


def _add_output(out: Group) -> None:
    out.add_argument("--out", metavar="DIR", help="run folder (default: runs/<time>-<suite>)")
    out.add_argument("--resume", action="store_true", help="go on with the killed run in --out; finished cases stay")
    out.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(out, "add the run to this store (default: $EDGEBENCH_STORE, or your own once there is one)")
    out.add_argument("--no-report", action="store_true", help="write no report.html")


def config_of(arguments: argparse.Namespace) -> RunConfig:
    """Return the configuration that the command line describes."""
    from harness.runs.config import RunConfig

    return RunConfig(
        suite=arguments.suite,
        models=arguments.model,
        data=arguments.data,
        reference=arguments.reference,
        compress=arguments.compress,
        preprocess=arguments.preprocess,
        shapes=dict(arguments.shape),
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
        images=arguments.images,
        accuracy_margin=arguments.accuracy_margin / 100 if arguments.accuracy_stop else None,
        timeout_s=arguments.timeout,
        memory_bytes=arguments.memory_limit,
        seed=arguments.seed,
        out=arguments.out,
        command=("edgebench", *sys.argv[1:]),
        percentiles=arguments.percentile_definition,
        resume=arguments.resume,
        tune=arguments.tune,
        strict=arguments.strict,
        power_supply=arguments.power_supply,
        ambient_c=arguments.ambient_c,
        fs=host_of(arguments),
        descriptors=folders_of(arguments),
        replacements=dict(getattr(arguments, "artifact", ())),
    )
