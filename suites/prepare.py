"""Build what a suite lacks on this machine: shipped float nets put through settings that do not train."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.core import plugins
from harness.core.artifact import Artifact, Format, Preprocess
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError

from . import catalog
from .compression.base import Calibration, Compression
from .compression.chain import Chain


def lacking(cases: Iterable[Case]) -> Iterator[tuple[Case, Format]]:
    """Each case of a trained net whose file is neither shipped nor built yet, once a file."""
    seen = set()
    for case in cases:
        for kind in sorted(plugins.load("runtimes", case.runtime).formats & {"onnx", "tflite"}):
            key = case.model, case.compression, kind
            if case.weights == "trained" and key not in seen and not _there(case, kind):
                seen.add(key)
                yield case, kind


def _there(case: Case, kind: Format) -> bool:
    try:
        catalog.artifact(case, kind)
    except catalog.NotBuilt:
        return False
    return True


def build(case: Case, kind: Format) -> Artifact:
    """Make the file of a case from the shipped float net it starts from, and keep it.

    Raises UsageError where that net is not shipped, SetupError where the setting's tools are not installed.
    """
    chain = Chain.parse(case.compression)
    try:
        source = catalog.artifact(replace(case, compression=chain.tuning or "fp32"), kind)
    except catalog.NotBuilt as error:
        raise UsageError(f"{case.compression} needs training: {error.message}", "see docs/compression.md") from error
    _need_tools(chain.last, kind)
    folder = catalog.prepared_dir() / case.model
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / f"{case.compression}.{kind}"
    made = chain.last.build(source.path, _calibration(chain.last, source.preprocess), out)
    note = {
        "file": f"{case.model}/{out.name}",
        "sha256": made.sha256,
        "parameters": source.parameters,
        "macs": source.macs,
        "preprocess": vars(source.preprocess),
        "recipe": {**made.recipe, "setting": case.compression},
    }
    Path(f"{out}.json").write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    return catalog.artifact(case, kind)


def _need_tools(setting: Compression, kind: Format) -> None:
    for tool in setting.yields[kind].tools:
        try:
            version(tool)
        except PackageNotFoundError as error:
            raise SetupError(
                f"{setting.name} of a .{kind} needs {tool}, which is not installed",
                f"pip install 'edgebench[{setting.extra}]'",
            ) from error


def _calibration(setting: Compression, how: Preprocess | None) -> Calibration | None:
    """The shipped calibration images as the net takes them, where the setting asks for them."""
    if not setting.needs_calibration:
        return None
    from suites.training.evaluate import labelled

    assert how is not None
    return labelled(catalog.DATA / "fashion-mnist" / "calibration", how)[0]
