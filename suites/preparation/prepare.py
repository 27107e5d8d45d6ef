"""Build what a suite lacks on this machine: nets put through settings, or converted.

They start from shipped files; a setting that trains and does not ship from checkpoints of the user's own.

Build several files, one after another or in processes side by side.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.core import plugins
from harness.core.artifact import FORMATS, SHIPPED_FORMATS, Artifact, Format, Preprocess, sha256_of, size_of
from harness.core.case import Case
from harness.core.errors import EdgebenchError, SetupError, UsageError
from suites.artifacts import catalog, model_cache
from suites.artifacts.model_cache import Entry
from suites.compression.base import Calibration, Chain, Compression, images_sha256
from suites.converter_output import quiet
from suites.data.published_weights import PUBLISHED

from .convert import CONVERTERS, ConversionRequest
from .from_checkpoints import Command, build_from_checkpoint, copy_shipped_checkpoint, shell_lines, training_commands
from .weights import EXPORTERS


class TrainingRequired(UsageError):
    """A setting that trains, with neither a shipped result nor a checkpoint; `left` is what has to be run first."""

    def __init__(self, case: Case, message: str, left: list[Command]) -> None:
        super().__init__(f"{case.compression} needs training: {message}", f"run first\n  {shell_lines(left)}")
        self.left = left


def missing_artifacts(cases: Iterable[Case]) -> Iterator[tuple[Case, Format]]:
    """Each case of a trained net with no file that its runtime takes, shipped or built, and the format to build."""
    seen = set()
    for case in cases:
        formats: tuple[Format, ...] = plugins.load("runtimes", case.runtime).formats
        if case.weights != "trained" or any(_there(case, kind) for kind in formats):
            continue
        kind = next((each for each in formats if each in SHIPPED_FORMATS), formats[0])
        if (key := (case.model, case.compression, kind)) not in seen:
            seen.add(key)
            yield case, kind


def _there(case: Case, kind: Format) -> bool:
    try:
        catalog.artifact(case, kind)
    except catalog.NotBuilt:
        return False
    return True


def requires_training(case: Case, kind: Format) -> bool:
    """Whether a setting of the case trains and its result is neither shipped nor built."""
    tuning = Chain.parse(case.compression).fine_tuning_name
    return bool(tuning) and kind in SHIPPED_FORMATS and not _there(replace(case, compression=tuning), kind)


def build(case: Case, kind: Format, checkpoints: Path | None = None) -> Artifact:
    """Make the file of a case and keep it: from the shipped float net it starts from, or from `checkpoints`.

    Raises NeedsTraining where neither has that net, SetupError where the setting's tools are not installed.
    """
    with model_cache.build_folder() as folder:
        model_cache.keep(_made(case, kind, checkpoints, folder), folder)
    return catalog.artifact(case, kind)


def _made(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    """Write the case's file into `folder`; what it is."""
    if kind not in SHIPPED_FORMATS:
        return _converted(case, kind, checkpoints, folder)
    if case.model in PUBLISHED and not _there(float_net := replace(case, compression="fp32"), kind):
        if case == float_net:
            return _published(case.model, kind, folder)
        build(float_net, kind)
    try:
        return compress(case, kind, folder)
    except catalog.NotBuilt as error:
        if checkpoints:
            copy_shipped_checkpoint(case.model, checkpoints)
        left = training_commands(case, None, checkpoints)
        if left or checkpoints is None:
            raise TrainingRequired(case, error.message, left) from error
        return build_from_checkpoint(case, kind, checkpoints, folder)


def _published(model: str, kind: Format, folder: Path) -> Entry:
    """The float file of a net with published weights. SetupError where the weights or torch are missing."""
    PUBLISHED[model].require()
    _need_tools(EXPORTERS[kind], f"a float .{kind}", "prepare")
    from .weights.export import export_published

    file = f"{model}/fp32.{kind}"
    out = folder / file
    out.parent.mkdir(parents=True, exist_ok=True)
    note = export_published(model, kind, out)
    return Entry.from_json({"model": model, "compression": "fp32", "format": kind, "file": file, **note})


def compress(case: Case, kind: Format, folder: Path) -> Entry:
    """Put the float net that the case's last setting takes through it, into `folder`. NotBuilt where there is none."""
    chain = Chain.parse(case.compression)
    source = catalog.artifact(replace(case, compression=chain.fine_tuning_name or "fp32"), kind)
    _need_tools(
        chain.post_training.support(kind).tools,
        f"{chain.post_training.name} of a .{kind}",
        chain.post_training.extra_for(kind),
    )
    entry = _described(case, kind, source, f"{case.model}/{case.compression}.{kind}")
    out = _place(folder, entry)
    recipe = chain.post_training.build(
        source.path, _calibration(case, chain.post_training, source.preprocess), out
    ).recipe
    return _finished(entry, out, {**recipe, "setting": case.compression})


def _converted(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    """The case's file in a format that no compression setting writes, made from one that is shipped or built."""
    converter = CONVERTERS.get(kind)
    if converter is None:
        raise UsageError(f"edgebench cannot make {FORMATS[kind].title} files", "make one, and give it with --model")
    _need_tools(converter.tools, f"a {FORMATS[kind].title} file", converter.extra)
    start = replace(case, compression=converter.source_setting(case.compression))
    there = _there(start, converter.source)
    source = catalog.artifact(start, converter.source) if there else build(start, converter.source, checkpoints)
    own = start.compression != case.compression
    images = _calibration(case, Chain.parse(case.compression).post_training, source.preprocess) if own else None
    suffix = next(iter(FORMATS[kind].suffixes), "")
    entry = _described(case, kind, source, f"{case.model}/{kind}/{case.compression}{suffix}")
    out = _place(folder, entry)
    converter.convert(ConversionRequest(case.model, case.compression, source.path, out, images))
    recipe = {
        "parent_sha256": source.sha256,
        "setting": case.compression,
        "tools": {tool: version(tool) for tool in converter.tools},
        "calibration_sha256": None if images is None else images_sha256(images),
        "calibration_images": None if images is None else len(images),
    }
    return _finished(replace(entry, preprocess=converter.preprocess(source.preprocess)), out, recipe)


def _described(case: Case, kind: Format, source: Artifact, file: str) -> Entry:
    """What is known before the file is made; its hash and size are still the source's."""
    return Entry(
        model=case.model,
        compression=case.compression,
        format=kind,
        sha256=source.sha256,
        bytes=source.size_bytes,
        parameters=source.parameters,
        macs=source.macs,
        preprocess=source.preprocess,
        recipe={"origin_sha256": source.recipe.get("origin_sha256", source.sha256)},
        file=file,
    )


def _place(folder: Path, entry: Entry) -> Path:
    out = folder / entry.file
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def _finished(entry: Entry, out: Path, recipe: Mapping[str, Any]) -> Entry:
    return replace(entry, sha256=sha256_of(out), bytes=size_of(out), recipe={**recipe, **entry.recipe})


def _need_tools(tools: Iterable[str], what: str, extra: str) -> None:
    for tool in tools:
        try:
            version(tool)
        except PackageNotFoundError as error:
            raise SetupError(
                f"{what} needs {tool}, which is not installed", f"pip install 'edgebench[{extra}]'"
            ) from error


def _calibration(case: Case, setting: Compression, how: Preprocess | None) -> Calibration | None:
    """Images for calibration as the net takes them, where the setting asks for them: none that is scored on.

    The shipped ones of Fashion-MNIST; for nets trained on ImageNet those that come with mini-imagenet.
    """
    if not setting.needs_calibration:
        return None
    assert how is not None
    if case.model in PUBLISHED:
        from suites.data.mini_imagenet import calibration

        return calibration(how)
    from suites.artifacts.evaluate import labelled

    return labelled(catalog.DATA / "fashion-mnist" / "calibration", how)[0]


@dataclass(frozen=True)
class BuildResult:
    """What became of one file: the artifact, or the error in words."""

    case: Case
    format: Format
    artifact: Artifact | None = None
    error: str = ""


def build_all(
    wanted: Sequence[tuple[Case, Format]], jobs: int, checkpoints: Path | None = None
) -> Iterator[BuildResult]:
    """Build every file, `jobs` at a time, and tell of each as it is finished. One that fails does not stop the rest.

    A file is whole or not there: who is interrupted finds the finished ones again.
    """
    if min(jobs, len(wanted)) < 2:
        yield from (_build(case, kind, checkpoints) for case, kind in wanted)
        return
    context = multiprocessing.get_context("spawn")  # the converters' libraries have threads, which forking breaks
    pool = ProcessPoolExecutor(min(jobs, len(wanted)), context, initializer=_start_worker)
    try:
        waiting = {pool.submit(_build, case, kind, checkpoints): (case, kind) for case, kind in wanted}
        for future in as_completed(waiting):
            yield _result(future, *waiting[future])
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[BuildResult], case: Case, kind: Format) -> BuildResult:
    try:
        return future.result()
    except BrokenProcessPool:
        return BuildResult(
            case, kind, error="the process that built it died, most likely for memory\n  take fewer --jobs"
        )


def _build(case: Case, kind: Format, checkpoints: Path | None) -> BuildResult:
    try:
        with quiet():
            return BuildResult(case, kind, build(case, kind, checkpoints))
    except EdgebenchError as error:
        return BuildResult(case, kind, error=str(error))


def _start_worker() -> None:
    """Ctrl-C reaches the parent, which ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
