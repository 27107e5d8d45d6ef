"""`benchmark` and `run`: measure models of your own, or a suite."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from ._keywords import named, parsed
from ._options import MeasurementOptions, RunOptions
from ._results import Results, read

if TYPE_CHECKING:
    from typing_extensions import Unpack


@named(MeasurementOptions)
def benchmark(
    models: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    progress: bool | None = None,
    **options: Unpack[MeasurementOptions],
) -> Results:
    """Measure model files of your own, as `edgebench run --model` does.

    Args:
        models: A model file, or several.
        progress: Whether to show progress; None shows it on a terminal and in a notebook.
        **options: The options of `edgebench run` with underscores; those that may be repeated are plurals.

    Returns:
        All cases, with the verdict on each; a case that failed has a verdict that says why.

    Raises:
        NothingMeasured: No case gave a figure.
        UsageError: The request cannot be carried out as written.

    Example:
        >>> import edgebench as eb
        >>> results = eb.benchmark("my_net.onnx", runtimes="onnxruntime-cpu", profile="smoke", progress=False)
        >>> results.frame.runtime.tolist()
        ['onnxruntime-cpu']
    """
    files = [models] if isinstance(models, (str, PathLike)) else list(models)
    if not files:
        from harness.core.errors import UsageError

        raise UsageError("no model to measure", "name a model file, or measure a suite: edgebench.run('quick')")
    return _measured(None, {**options, "models": files}, progress)


@named(RunOptions)
def run(
    suite: str | PathLike[str] | None = None, *, progress: bool | None = None, **options: Unpack[RunOptions]
) -> Results:
    """Measure a suite, as `edgebench run` does.

    Args:
        suite: A built-in suite, a .toml file or a model file; None means 'quick' where no models are given.
        progress: Whether to show progress; None shows it on a terminal and in a notebook.
        **options: The options of `edgebench run` with underscores; those that may be repeated are plurals.

    Returns:
        All cases, with the verdict on each; a case that failed has a verdict that says why.

    Raises:
        NothingMeasured: No case gave a figure.
        UsageError: The request cannot be carried out as written.

    Example:
        >>> import edgebench as eb
        >>> eb.run("quick", profle="smoke")
        Traceback (most recent call last):
            ...
        TypeError: run() has no keyword 'profle'; did you mean 'profile'?
    """
    return _measured(suite, dict(options), progress)


def _measured(suite: str | PathLike[str] | None, options: dict[str, Any], progress: bool | None) -> Results:
    from harness.cli import run as command
    from harness.cli._options import config_of
    from harness.cli._store import add_run, check_store

    from ._progress import notifier, shown

    arguments = parsed(command, [suite], options)
    arguments.json = True  # standard output is the program's own
    config = config_of(arguments)
    command.check_export(arguments)
    check_store(arguments)
    notify = notifier(progress)
    plan = command.planned(config, notify)
    session = command.measured(config, plan, partial(shown, progress), notify)
    add_run(session.folder, arguments)
    if session.interrupted:
        raise KeyboardInterrupt(f"the finished cases are in {session.folder.path}")
    results = read(session.folder.path)
    _refuse_empty(results)
    command.export_built(plan, session.folder, arguments)
    return results


def _refuse_empty(results: Results) -> None:
    """Raise NothingMeasured where no case has a figure."""
    from harness.core.errors import NothingMeasured

    if any(record.value("n_inferences") is not None for record in results.records):
        return
    verdicts = dict.fromkeys(f"{record.verdict.status}: {record.verdict.reason}" for record in results.records)
    what = f"{results.path}: no case was measured; {'; '.join([*verdicts][:3])}"
    raise NothingMeasured(what, f"see why: edgebench explain {results.path}")
