"""Model files at hand: trained models shipped as files or in packs, full-size models unpacked on first use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.artifact import Artifact, Format, Preprocess, sha256_of
from harness.core.case import Case, Weights
from harness.core.errors import SetupError, UnknownName, UsageError
from harness.core.files import cache_dir
from harness.core.quality import CLASSIFICATION
from suites.data.published_weights import FETCH, PUBLISHED

from . import model_cache, packed, synthetic
from .model_cache import Entry

ARTIFACTS = Path(__file__).parent
DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class DataSet:
    """Labelled images that suites may name.

    Attributes:
        kind: How they are opened, as the task's `open` takes it.
        path: Their folder or file.
        figure: What the quality on them is called; '' for the name that the task gives it.
        task: Name of the task.
    """

    kind: str
    path: Path
    figure: str = ""
    task: str = CLASSIFICATION


class NotBuilt(UsageError):
    """A model exists, but not under this setting in this format."""


def datasets() -> Mapping[str, DataSet]:
    """Return the shipped data sets and those that `edgebench data fetch` downloads, present or not, by name."""
    return {
        "fashion-mnist": DataSet("idx", DATA / "fashion-mnist"),
        "mini-imagenet": DataSet("folder", cache_dir() / "data" / "mini-imagenet" / "scored", "mini-set top-1"),
    }


@cache
def shipped() -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """Return the manifest entries of the shipped files by (model, compression, format)."""
    path = ARTIFACTS / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["artifacts"]
        return {(entry["model"], entry["compression"], entry["format"]): entry for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"{path}: damaged manifest of the shipped models ({error!r})", "install edgebench again"
        ) from error


@cache
def _synthetic() -> frozenset[str]:
    return frozenset(model for model, _, _ in synthetic.available())


def models() -> list[str]:
    """Return every model the project ships, trained ones first."""
    trained = {model for model, _, _ in shipped()}
    return [*sorted(trained), *sorted(_synthetic() - trained)]


def weights(model: str, dataset: str | None = None) -> Weights:
    """Return whether a model's weights are 'trained' or 'synthetic'.

    A model whose published weights can be downloaded has them where it is scored on a `dataset`.

    Raises:
        UnknownName: The project has no such model.
    """
    published = model in PUBLISHED and (dataset is not None or model not in _synthetic())
    if published or any(model == name for name, _, _ in shipped()):
        return "trained"
    if model in _synthetic():
        return "synthetic"
    raise UnknownName("model", model, models())


def artifact(case: Case, file_format: Format) -> Artifact:
    """Return the verified model file of a case.

    Raises:
        NotBuilt: The model is not at hand under this setting in this format.
        SetupError: The file is damaged.
    """
    if case.weights == "trained":
        return _trained_artifact(case, file_format)
    try:
        file = synthetic.find(case.model, case.compression, file_format)
    except UnknownName as error:
        raise NotBuilt(f"{case.model} is not shipped as {case.compression} {file_format}", error.remedy) from error
    return Artifact(
        path=file.unpack(cache_dir()),
        format=file_format,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        weights="synthetic",
        parameters=file.parameters,
        macs=file.macs,
        recipe=file.recipe,
    )


def damaged() -> list[str]:
    """Return the shipped files that are missing or differ from the manifest, by their path in its folder."""
    return [entry["file"] for entry in shipped().values() if not _intact(entry)]


def _intact(entry: Mapping[str, Any]) -> bool:
    try:
        shipped_file(entry)
    except SetupError:
        return False
    return True


def shipped_file(entry: Mapping[str, Any]) -> Path:
    """Return the file of a manifest entry, verified: that of a checkout, or unpacked from the packs of a wheel.

    Raises:
        SetupError: It is missing or not the file that the manifest names.
    """
    beside = ARTIFACTS / entry["file"]
    path = beside if beside.is_file() else packed.unpack(entry["file"], entry["sha256"], ARTIFACTS / "packs")
    if path is None or sha256_of(path) != str(entry["sha256"]):
        raise SetupError(f"{path or beside} is missing or not the file the manifest names", "install edgebench again")
    return path


def current(entry: Entry) -> bool:
    """Return whether a prepared file was made from the model as it is shipped now, or from one that is not shipped."""
    if entry.model in PUBLISHED:
        return entry.recipe.get("origin_sha256") == PUBLISHED[entry.model].sha256
    ours = [one for (model, _, _), one in shipped().items() if model == entry.model]
    origins = {origin for one in ours for origin in (one["sha256"], one["training"]["checkpoint_sha256"])}
    return not ours or entry.recipe.get("origin_sha256") in origins


def _trained_artifact(case: Case, file_format: Format) -> Artifact:
    key = case.model, case.compression, file_format
    return _shipped_artifact(shipped()[key]) if key in shipped() else _prepared_artifact(case, file_format)


def _shipped_artifact(entry: Mapping[str, Any]) -> Artifact:
    return Artifact(
        path=shipped_file(entry),
        format=entry["format"],
        sha256=entry["sha256"],
        size_bytes=entry["bytes"],
        weights="trained",
        parameters=entry["parameters"],
        macs=entry["macs"],
        preprocess=Preprocess.from_json(entry["preprocess"]),
        recipe=entry["recipe"],
        decode=_decode(entry.get("decode", "")),
    )


def _decode(text: str) -> str:
    """Return the convention of a shipped model's outputs, with the path of the file of anchors that it names."""
    name, _, argument = text.partition(":")
    words = [str(ARTIFACTS / word) if word.endswith(".npy") else word for word in argument.split(",")]
    return f"{name}:{','.join(words)}" if argument else name


def _prepared_artifact(case: Case, file_format: Format) -> Artifact:
    entry = model_cache.find(case.model, case.compression, file_format)
    if entry is None or not current(entry):
        known = sorted(c for m, c, f in shipped() if (m, f) == (case.model, file_format))
        if case.model in PUBLISHED:
            raise NotBuilt(
                f"{case.model} with its published weights is not built as {case.compression} {file_format} on this "
                f"machine: {FETCH}; edgebench data fetch mini-imagenet; edgebench prepare imagenet"
            )
        remedy = f"known: {', '.join(known)}" if known else "edgebench prepare makes what a suite lacks"
        raise NotBuilt(f"{case.model} is not shipped as {case.compression} {file_format}", remedy)
    if not entry.intact:
        remedy = "remove it and run edgebench prepare"
        raise SetupError(f"{entry.path} is missing or not the file its note names", remedy)
    return Artifact(
        path=entry.path,
        format=file_format,
        sha256=entry.sha256,
        size_bytes=entry.bytes,
        weights="trained",
        parameters=entry.parameters,
        macs=entry.macs,
        preprocess=entry.preprocess,
        recipe=entry.recipe,
    )
