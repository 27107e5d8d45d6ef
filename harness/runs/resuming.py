"""What a resumed run must share with the run that it continues, and what is left of that run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.artifact import sha256_of_file
from harness.core.errors import DataError, UsageError
from harness.core.record import RunHeader
from harness.datasets.manifest import Manifest
from harness.datasets.part import PART
from harness.datasets.pictures import is_image
from harness.store.runfolder import RunFolder

from .config import RunConfig
from .plan import Plan

BASIS = "basis"
"""Key of `RunHeader.provenance` with what `basis_of` returns."""

_OPTIONS = {
    "compress": "--compress",
    "task": "--task",
    "decode": "--decode",
    "preprocess": "--preprocess",
    "output": "--output",
    "labels": "--label-offset or --label-order",
    "shapes": "--shape",
    "signatures": "--signature",
    "runtime_options": "--runtime-option",
    "threads": "--threads",
    "batch": "--batch",
    "scenario": "--scenario",
    "load": "parameter of the scenario",
    "driver": "--driver",
    "deep": "--deep",
    "pipeline": "--pipeline",
    "images": "--images",
    "accuracy_margin": "--accuracy-stop or --accuracy-margin",
    "percentiles": "--percentile-definition",
    "timeout_s": "--timeout",
    "memory_bytes": "--memory-limit",
    "tune": "--tune",
    "power_supply": "--power-supply",
    "ambient_c": "--ambient-c",
}
"""Fields of `RunConfig` that a figure may depend on, or that the header states, by the option that sets them.

Names of files are not among them: their contents are compared. Nor are choices of cases: the cases are compared.
"""


def basis_of(config: RunConfig, plan: Plan) -> dict[str, Any]:
    """Return the options, model files and data of a run, as plain JSON types.

    The model files are those of all cases, the unfinished ones included: their hashes by model, setting and format.
    """
    options = {option: getattr(config, name) for name, option in _OPTIONS.items()}
    every = [*plan.prepared, *plan.references.values()]
    models = {f"{one.case.model} {one.case.compression} {one.artifact.format}": one.artifact.sha256 for one in every}
    labelled = {one.case.dataset or "": one.labelled for one in every if one.labelled}
    data = {name: data_digest(one.kind, Path(one.path)) for name, one in labelled.items()}
    basis: dict[str, Any] = json.loads(json.dumps({"options": options, "models": models, "data": data}, default=_plain))
    return basis


def _plain(value: Any) -> Any:
    """Return a dataclass or another mapping as a dict, for JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


def data_digest(kind: str, path: Path) -> str:
    """Return a hash of a data set: names and sizes of its pictures, and the contents of all other files.

    Pixels are not read, since a data set may hold millions of pictures. Where it lies does not matter.
    """
    digest = hashlib.sha256()
    try:
        for line in _described(kind, path):
            digest.update(f"{line}\n".encode(errors="surrogateescape"))
    except (OSError, ValueError, DataError):
        return "cannot be read"  # the cases that need it say why
    return digest.hexdigest()


def _described(kind: str, path: Path) -> Iterator[str]:
    if kind == PART:
        content = json.loads(path.read_text(encoding="utf-8"))
        yield repr(content["places"])
        yield from _described(content["kind"], Path(content["path"]))
    elif kind == "manifest":
        for file, label in Manifest.read(path).files:
            yield f"{file.parent.name}/{file.name} {file.stat().st_size} {label}"
    elif path.is_dir():
        for file in sorted(one for one in path.rglob("*") if one.is_file()):
            known = str(file.stat().st_size) if is_image(file) else sha256_of_file(file)
            yield f"{file.relative_to(path)} {known}"
    else:
        yield sha256_of_file(path)


def resumed(plan: Plan, folder: RunFolder, header: RunHeader) -> tuple[Plan, RunHeader]:
    """Return what is left of a plan whose run was killed, and that run's header.

    Args:
        plan: What is asked for now.
        folder: The folder of the run.
        header: The header that a new run would have.

    Raises:
        UsageError: The folder holds another run: figures of two configurations must not stand in one run.
    """
    before = folder.header()
    for name, old, new in _compared(before, header):
        if old != new:
            raise UsageError(
                f"{folder.path} holds another run: its {name} differs{_shown(old, new)}",
                "resume with the arguments that the run was started with, or begin a new run",
            )
    _refuse_other_files(plan, folder)
    left = set(folder.missing())
    return plan.only(case for case in plan.cases if case.id in left), before


def _compared(before: RunHeader, now: RunHeader) -> Iterator[tuple[str, object, object]]:
    """Yield name, old value and new value of everything that two headers of one run share."""
    unit = "unit_id" if before.host.get("unit_id") else "machine_id"  # runs of older versions do not tell their unit
    for name, field in (("suite", "suite"), ("target", "target"), ("profile", "profile"), ("seed", "seed")):
        yield name, getattr(before, field), getattr(now, field)
    yield from _compared_basis(before.provenance.get(BASIS), now.provenance.get(BASIS))
    yield "planned cases", before.planned, now.planned
    yield "versions", dict(before.versions), dict(now.versions)
    yield "machine", before.host.get(unit), now.host.get(unit)
    for name, key in (("inputs", "inputs"), ("target descriptor", "target"), ("Python", "python")):
        if key == "inputs" or BASIS in before.provenance:  # an older version's descriptors are others
            yield name, _without_file(before.provenance.get(key)), _without_file(now.provenance.get(key))


def _without_file(facts: Any) -> Any:
    """Return facts about a file without its name and without the reason why there is none."""
    return {key: value for key, value in (facts or {}).items() if key not in ("file", "reason")}


def _compared_basis(old: Any, new: Any) -> Iterator[tuple[str, object, object]]:
    """Yield every option, data set and model file; none where a run of an older version does not tell them."""
    if not old or not new:
        return
    for option in new["options"].keys() & old["options"].keys():
        yield f"option {option}", old["options"][option], new["options"][option]
    for name in sorted(old["data"].keys() & new["data"].keys()):
        yield f"data set '{name}'", old["data"][name], new["data"][name]
    for name in sorted(old["models"].keys() & new["models"].keys()):
        yield f"model file of {name}", old["models"][name], new["models"][name]


def _shown(old: object, new: object) -> str:
    """Return both values where they are short, as those of options are, else which part of them is another."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        texts = [f"{key} was {_word(old.get(key))} and is {_word(new.get(key))}" for key in keys[:3]]
        return f": {'; '.join(texts)}"
    if isinstance(old, tuple) and isinstance(new, tuple):
        other = [f"{one} is not planned now" for one in old if one not in new]
        other += [f"{one} was not planned then" for one in new if one not in old]
        return f": {'; '.join(other[:3]) or 'their order is another'}"
    return f": it was {_word(old)} and is {_word(new)}"


def _word(value: object) -> str:
    text = "not given" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:12]}..."


def _refuse_other_files(plan: Plan, folder: RunFolder) -> None:
    """Refuse to resume with a model that has changed since: its cases would be of two models."""
    now = {prepared.case.id: prepared.artifact.sha256 for prepared in plan.prepared}
    for record in folder.records():
        if record.artifact and now.get(record.case_id, record.artifact.sha256) != record.artifact.sha256:
            raise UsageError(
                f"{folder.path} holds another run: the model file of {record.case_id} has changed since",
                "begin a new run",
            )
