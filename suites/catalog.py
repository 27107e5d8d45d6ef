"""The artifacts at hand: trained nets shipped as files, full-size nets filled from their graphs on first use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Format, Preprocess, sha256_of
from harness.core.case import Case, Weights
from harness.core.errors import SetupError, UnknownName, UsageError
from harness.core.places import cache_dir

from . import skeletons

ARTIFACTS = Path(__file__).parent / "artifacts"
DATA = Path(__file__).parent / "data"
DATASETS = {"fashion-mnist": ("idx", DATA / "fashion-mnist")}
"""Labelled sets that ship with the project: kind and folder, as `harness.accuracy.dataset.open_dataset` takes them."""


class NotBuilt(UsageError):
    """A model exists, but not under this setting in this format."""


@cache
def shipped() -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """Manifest entries of the shipped files by (model, compression, format)."""
    path = ARTIFACTS / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["artifacts"]
        return {(entry["model"], entry["compression"], entry["format"]): entry for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"{path}: damaged manifest of the shipped nets ({error!r})", "install edgebench again"
        ) from error


@cache
def _synthetic() -> frozenset[str]:
    return frozenset(skeleton.model for skeleton in skeletons.available())


def models() -> list[str]:
    """Every model the project ships, trained ones first."""
    trained = {model for model, _, _ in shipped()}
    return [*sorted(trained), *sorted(_synthetic() - trained)]


def weights(model: str) -> Weights:
    """'trained' or 'synthetic'; UnknownName for a model that is neither."""
    if any(model == name for name, _, _ in shipped()):
        return "trained"
    if model in _synthetic():
        return "synthetic"
    raise UnknownName("model", model, models())


def artifact(case: Case, file_format: Format) -> Artifact:
    """The model file of a case, verified. Raises NotBuilt with what there is, SetupError on a damaged file."""
    if case.weights == "trained":
        return _trained_artifact(case, file_format)
    try:
        skeleton = skeletons.find(case.model, case.compression, file_format)
    except UnknownName as error:
        raise NotBuilt(f"{case.model} is not shipped as {case.compression} {file_format}", error.remedy) from error
    path = skeletons.fill(case.model, case.compression, file_format, cache_dir())
    return Artifact(
        path=path,
        format=file_format,
        sha256=skeleton.sha256,
        size_bytes=skeleton.size_bytes,
        weights="synthetic",
        parameters=skeleton.parameters,
        macs=skeleton.macs,
        recipe={"setting": case.compression, "weights": "synthetic", "seed": skeleton.seed, "graph": skeleton.graph},
    )


def damaged() -> list[str]:
    """Shipped files that are missing or differ from the manifest, by their path in its folder."""
    return [entry["file"] for entry in shipped().values() if not _intact(entry)]


def _intact(entry: Mapping[str, Any], folder: Path | None = None) -> bool:
    path = (folder or ARTIFACTS) / entry["file"]
    return path.is_file() and sha256_of(path) == str(entry["sha256"])


def prepared_dir() -> Path:
    """Where `edgebench prepare` keeps what it builds on this machine."""
    return cache_dir() / "prepared"


def _prepared(model: str, compression: str, file_format: Format) -> Mapping[str, Any] | None:
    """The entry of a file built on this machine from the net as it is shipped now, None where there is none."""
    note = prepared_dir() / model / f"{compression}.{file_format}.json"
    if not note.is_file():
        return None
    entry: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
    sources = {one["sha256"] for (name, _, kind), one in shipped().items() if (name, kind) == (model, file_format)}
    return entry if entry["recipe"]["parent_sha256"] in sources else None


def _trained_artifact(case: Case, file_format: Format) -> Artifact:
    folder, entry = ARTIFACTS, shipped().get((case.model, case.compression, file_format))
    if entry is None:
        folder, entry = prepared_dir(), _prepared(case.model, case.compression, file_format)
    if entry is None:
        known = sorted(c for m, c, f in shipped() if (m, f) == (case.model, file_format))
        raise NotBuilt(f"{case.model} is not shipped as {case.compression} {file_format}", f"known: {', '.join(known)}")
    path = folder / entry["file"]
    if not _intact(entry, folder):
        remedy = "install edgebench again" if folder == ARTIFACTS else "remove it and run edgebench prepare"
        raise SetupError(f"{path} is missing or not the file the manifest names", remedy)
    return Artifact(
        path=path,
        format=file_format,
        sha256=entry["sha256"],
        size_bytes=path.stat().st_size,
        weights="trained",
        parameters=entry["parameters"],
        macs=entry["macs"],
        preprocess=Preprocess.from_json(entry["preprocess"]),
        recipe=entry["recipe"],
    )
