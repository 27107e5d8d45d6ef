"""Build the files that a suite lacks on this machine, one after another or in parallel processes.

Nets go through compression settings or are converted. They start from shipped files, or from checkpoints of the user
where a setting trains and its result does not ship.
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
from .torch_export import EXPORTERS


class TrainingRequired(UsageError):
    """A setting trains, and there is neither a shipped result nor a checkpoint.

    Attributes:
        commands: What to run first.
    """

    def __init__(self, case: Case, message: str, commands: list[Command]) -> None:
        super().__init__(f"{case.compression} needs training: {message}", f"run first\n  {shell_lines(commands)}")
        self.commands = commands


def missing_artifacts(cases: Iterable[Case]) -> Iterator[tuple[Case, Format]]:
    """Yield each trained case without a shipped or built file that its runtime takes, and the format to build.

    A file that several cases need is yielded once.
    """
    seen = set()
    for case in cases:
        formats: tuple[Format, ...] = plugins.load("runtimes", case.runtime).formats
        if case.weights != "trained" or any(_exists(case, kind) for kind in formats):
            continue
        kind = next((kind for kind in formats if kind in SHIPPED_FORMATS), formats[0])
        if (key := (case.model, case.compression, kind)) not in seen:
            seen.add(key)
            yield case, kind


def _exists(case: Case, kind: Format) -> bool:
    try:
        catalog.artifact(case, kind)
    except catalog.NotBuilt:
        return False
    return True


def requires_training(case: Case, kind: Format) -> bool:
    """Return whether a setting of the case trains and its result is neither shipped nor built."""
    fine_tuning = Chain.parse(case.compression).fine_tuning_name
    return bool(fine_tuning) and kind in SHIPPED_FORMATS and not _exists(replace(case, compression=fine_tuning), kind)


def build(case: Case, kind: Format, checkpoints: Path | None = None) -> Artifact:
    """Build the file of a case and add it to the cache of models.

    Args:
        case: The case.
        kind: Format of the file.
        checkpoints: Folder of checkpoints for a setting whose float net does not ship.

    Raises:
        TrainingRequired: The float net that the setting starts from neither ships nor has a checkpoint.
        SetupError: The tools are not installed.
    """
    with model_cache.build_folder() as folder:
        model_cache.keep(_build_file(case, kind, checkpoints, folder), folder)
    return catalog.artifact(case, kind)


def _build_file(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    """Write the case's file into `folder` and return its entry."""
    if kind not in SHIPPED_FORMATS:
        return _convert(case, kind, checkpoints, folder)
    if case.model in PUBLISHED and not _exists(float_net := replace(case, compression="fp32"), kind):
        if case == float_net:
            return _export_published(case.model, kind, folder)
        build(float_net, kind)
    try:
        return compress(case, kind, folder)
    except catalog.NotBuilt as error:
        if checkpoints:
            copy_shipped_checkpoint(case.model, checkpoints)
        commands = training_commands(case, None, checkpoints)
        if commands or checkpoints is None:
            raise TrainingRequired(case, error.message, commands) from error
        return build_from_checkpoint(case, kind, checkpoints, folder)


def _export_published(model: str, kind: Format, folder: Path) -> Entry:
    """Write the float file of a net with published weights.

    Raises:
        SetupError: The weights or torch are missing.
    """
    PUBLISHED[model].require()
    _require_tools(EXPORTERS[kind].tools, f"a float .{kind}", "prepare")
    from .weights.export import export_published

    file = f"{model}/fp32.{kind}"
    out = _output_path(folder, file)
    description = export_published(model, kind, out)
    return Entry.from_json({"model": model, "compression": "fp32", "format": kind, "file": file, **description})


def compress(case: Case, kind: Format, folder: Path) -> Entry:
    """Apply the post-training setting of a case to its float net, and write the file into `folder`.

    Raises:
        NotBuilt: The float net neither ships nor is built.
        SetupError: The setting's tools are not installed.
    """
    chain = Chain.parse(case.compression)
    setting = chain.post_training
    source = catalog.artifact(replace(case, compression=chain.fine_tuning_name or "fp32"), kind)
    _require_tools(setting.support(kind).tools, f"{setting.name} of a .{kind}", setting.extra_for(kind))
    entry = _draft_entry(case, kind, source, f"{case.model}/{case.compression}.{kind}")
    out = _output_path(folder, entry.file)
    recipe = setting.build(source.path, _calibration(case, setting, source.preprocess), out).recipe
    return _completed(entry, out, {**recipe, "setting": case.compression})


def _convert(case: Case, kind: Format, checkpoints: Path | None, folder: Path) -> Entry:
    """Write the case's file in a format that no compression setting writes, from a shipped or built file."""
    converter = CONVERTERS.get(kind)
    if converter is None:
        raise UsageError(
            f"edgebench cannot build {FORMATS[kind].title} files", "build one yourself, and give it with --model"
        )
    _require_tools(converter.tools, f"a {FORMATS[kind].title} file", converter.extra)
    start = replace(case, compression=converter.source_setting(case.compression))
    exists = _exists(start, converter.source)
    source = catalog.artifact(start, converter.source) if exists else build(start, converter.source, checkpoints)
    compresses = start.compression != case.compression
    setting = Chain.parse(case.compression).post_training
    images = _calibration(case, setting, source.preprocess) if compresses else None
    suffix = next(iter(FORMATS[kind].suffixes), "")
    entry = _draft_entry(case, kind, source, f"{case.model}/{kind}/{case.compression}{suffix}")
    out = _output_path(folder, entry.file)
    converter.convert(ConversionRequest(case.model, case.compression, source.path, out, images))
    recipe = {
        "parent_sha256": source.sha256,
        "setting": case.compression,
        "tools": {tool: version(tool) for tool in converter.tools},
        "calibration_sha256": None if images is None else images_sha256(images),
        "calibration_images": None if images is None else len(images),
    }
    return _completed(replace(entry, preprocess=converter.preprocess(source.preprocess)), out, recipe)


def _draft_entry(case: Case, kind: Format, source: Artifact, file: str) -> Entry:
    """Return the entry of a file before it is built; its hash and size are still those of the source."""
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


def _output_path(folder: Path, file: str) -> Path:
    out = folder / file
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def _completed(entry: Entry, out: Path, recipe: Mapping[str, Any]) -> Entry:
    return replace(entry, sha256=sha256_of(out), bytes=size_of(out), recipe={**recipe, **entry.recipe})


def _require_tools(tools: Iterable[str], what: str, extra: str) -> None:
    for tool in tools:
        try:
            version(tool)
        except PackageNotFoundError as error:
            raise SetupError(
                f"{what} needs {tool}, which is not installed", f"pip install 'edgebench[{extra}]'"
            ) from error


def _calibration(case: Case, setting: Compression, preprocess: Preprocess | None) -> Calibration | None:
    """Return the calibration images that the setting needs, preprocessed for the net; none of them is scored.

    They are the shipped ones of Fashion-MNIST, and those of mini-imagenet for nets trained on ImageNet.
    """
    if not setting.needs_calibration:
        return None
    assert preprocess is not None
    if case.model in PUBLISHED:
        from suites.data.mini_imagenet import calibration

        return calibration(preprocess)
    from suites.artifacts.evaluate import labelled

    return labelled(catalog.DATA / "fashion-mnist" / "calibration", preprocess)[0]


@dataclass(frozen=True)
class BuildResult:
    """The result of building one file.

    Attributes:
        case: The case.
        format: Format of the file.
        artifact: The file, None where it could not be built.
        error: Why it could not be built, '' where it was.
    """

    case: Case
    format: Format
    artifact: Artifact | None = None
    error: str = ""


def build_all(
    missing: Sequence[tuple[Case, Format]], jobs: int, checkpoints: Path | None = None
) -> Iterator[BuildResult]:
    """Build files and yield each result as soon as it is there; a failure does not stop the rest.

    Files are added to the cache whole: after an interrupt the finished ones are found again.

    Args:
        missing: What to build.
        jobs: Number of parallel processes.
        checkpoints: Folder of checkpoints for settings that train.
    """
    if min(jobs, len(missing)) < 2:
        yield from (_build_or_error(case, kind, checkpoints) for case, kind in missing)
        return
    context = multiprocessing.get_context("spawn")  # the converters' libraries have threads, which forking breaks
    pool = ProcessPoolExecutor(min(jobs, len(missing)), context, initializer=_ignore_interrupt)
    try:
        pending = {pool.submit(_build_or_error, case, kind, checkpoints): (case, kind) for case, kind in missing}
        for future in as_completed(pending):
            yield _result(future, *pending[future])
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[BuildResult], case: Case, kind: Format) -> BuildResult:
    try:
        return future.result()
    except BrokenProcessPool:
        error = "the process that built it died, most likely for lack of memory\n  use fewer --jobs"
        return BuildResult(case, kind, error=error)


def _build_or_error(case: Case, kind: Format, checkpoints: Path | None) -> BuildResult:
    try:
        with quiet():
            return BuildResult(case, kind, build(case, kind, checkpoints))
    except EdgebenchError as error:
        return BuildResult(case, kind, error=str(error))


def _ignore_interrupt() -> None:
    """Ignore Ctrl-C, which reaches the parent; that ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
