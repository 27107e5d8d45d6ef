"""`edgebench run`: measure a suite, or a user's own models."""

from __future__ import annotations

import argparse
import contextlib
import sys
from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, UsageError

from ._machine import folders_of, host_of
from ._scenario import add_scenario, load
from ._store import add_store_option, keep
from ._types import by_runtime, mebibytes, points, positive, runtime_option, shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.bench.request import Request
    from harness.bench.run import Bench
    from harness.core.record import Record
    from harness.store.runfolder import RunFolder

HELP = "measure a suite or your own model on this machine and write a report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("suite", nargs="?", help="a built-in suite or a .toml file (default: quick)")
    what = parser.add_argument_group("what")
    what.add_argument(
        "--model", action="append", default=[], metavar="FILE", help="your .onnx, .tflite, .xml, ...; repeatable"
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
    add_scenario(parser)
    how = parser.add_argument_group("how")
    how.add_argument("--target", default="auto", help="target descriptor (default: the board this machine is)")
    how.add_argument("--profile", help="smoke, quick, standard or full instead of the suite's")
    how.add_argument(
        "--deep",
        action=argparse.BooleanOptionalAction,
        help="also operators and memory over time, in passes of their own (default: in standard and full)",
    )
    how.add_argument("--images", type=positive, metavar="N", help="score accuracy on the first N images")
    how.add_argument(
        "--accuracy-stop",
        action="store_true",
        help="score a case until it is decided against fp32: better, worse, or within --accuracy-margin",
    )
    how.add_argument(
        "--accuracy-margin", type=points, default=1.0, metavar="POINTS", help="for --accuracy-stop (default: 1)"
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
    how.add_argument(
        "--percentile-definition",
        choices=("numpy", "loadgen", "openvino", "trtexec"),
        default="numpy",
        help="of p90 and above, for comparison with that tool (default: numpy)",
    )
    out = parser.add_argument_group("output")
    out.add_argument("--out", metavar="DIR", help="run folder (default: runs/<time>-<suite>)")
    out.add_argument("--resume", action="store_true", help="go on with the killed run in --out; finished cases stay")
    out.add_argument("--json", action="store_true", help="print the table as JSON instead of for people")
    add_store_option(out, "add the run to this store (default: $EDGEBENCH_STORE, or your own once there is one)")
    out.add_argument("--no-report", action="store_true", help="write no report.html")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, report; the exit code."""
    bench = measure(request_of(arguments), arguments)
    conclude(bench.folder, arguments)
    keep(bench.folder, arguments)
    return EXIT_INTERRUPTED if bench.interrupted else exit_code(bench.folder.records(), wanted(arguments.compress))


def measure(request: Request, arguments: argparse.Namespace) -> Bench:
    """Carry the request out to its end, or to an interrupt, and show it; the bench is closed again."""
    from harness.bench.run import Bench

    if arguments.resume and not arguments.out:
        raise UsageError("--resume needs --out", "name the folder of the run that was killed")
    with Bench(request.order(), request.plan()) as bench:
        if not arguments.out:
            name_latest(bench.folder.path)
        _observe(bench, silent=arguments.json)
    return bench


def _observe(bench: Bench, silent: bool) -> None:
    """Show every event; an interrupt ends the run but not the program, which still has a report to write."""
    from ._interrupt import GentleInterrupt
    from ._progress import Progress

    try:
        with GentleInterrupt() as interrupt, Progress(bench.plan, silent) as progress:
            for event in bench.run():
                progress.show(event)
                if interrupt.asked:
                    bench.interrupted = True
                    break
    except KeyboardInterrupt:
        bench.interrupted = True


def name_latest(run: Path) -> None:
    """Let the link 'latest' beside a run folder lead to it; a file system without links goes without."""
    link = run.parent / "latest"
    with contextlib.suppress(OSError):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(run.name)


def conclude(folder: RunFolder, arguments: argparse.Namespace) -> None:
    """Print the table and write the report."""
    from ._show import show_report, show_table

    show_table(folder, as_json=arguments.json)
    if not arguments.no_report:
        show_report([folder], silent=arguments.json)


def request_of(arguments: argparse.Namespace) -> Request:
    """The request that the command line makes."""
    from harness.bench.request import Request

    return Request(
        suite=arguments.suite,
        models=arguments.model,
        data=arguments.data,
        compress=arguments.compress,
        preprocess=arguments.preprocess,
        shapes=dict(arguments.shape),
        keep=arguments.filter,
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
        tell=partial(print, file=sys.stderr),
        replacements=dict(getattr(arguments, "artifact", ())),
    )


def wanted(compress: str | None) -> tuple[str, ...]:
    """Settings that --compress names one by one; 'all' asks for what can be had."""
    return () if compress in (None, "all") else tuple(name.strip() for name in compress.split(","))


def exit_code(records: Sequence[Record], settings: Sequence[str] = ()) -> int:
    """0; 3 when nothing was measured; 4 when a case that was tried, or a model of the user's, gave no figures.

    4 too when one of the `settings` asked for by name was measured on no runtime.
    """
    if all(record.value("n_inferences") is None for record in records):
        return EXIT_NOTHING_MEASURED
    tried = {record.case.compression for record in records}
    measured = {record.case.compression for record in records if record.value("n_inferences") is not None}
    failed = any(_failed(record) for record in records) or not measured.issuperset(tried.intersection(settings))
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _failed(record: Record) -> bool:
    """Failed, or tried in vain. That a setting cannot be had of a user's net on a runtime is an answer, no failure."""
    case = record.case
    if case.weights == "user":
        tried = case.compression == "as-is" or (case.compression == "fp32" and record.artifact is not None)
    else:
        tried = record.artifact is not None
    return record.verdict.failed or (record.verdict.status == "unsupported" and tried)
