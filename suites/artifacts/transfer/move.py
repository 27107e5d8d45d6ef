"""Push and pull of model files, and checks of a store's manifest, which is not trusted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from harness.core.artifact import SHIPPED_FORMATS
from harness.core.errors import EdgebenchError, SetupError
from suites.artifacts import catalog, model_cache
from suites.artifacts.model_cache import Entry

from .stores import MANIFEST, Store, deposit, fetch, manifest_of

SCHEMA = 1
State = Literal["moved", "there already", "refused", "failed"]


@dataclass(frozen=True)
class Moved:
    """The outcome for one file.

    Attributes:
        name: Name to show.
        state: What happened.
        reason: Why it was not moved.
    """

    name: str
    state: State
    reason: str = ""


def at_hand(*, with_shipped: bool) -> list[tuple[Entry, Path]]:
    """Return every file that can be pushed, shipped ones first, with its path."""
    ours = [
        (entry, entry.path)
        for entry in model_cache.entries()
        if catalog.current(entry) and entry.format in SHIPPED_FORMATS
    ]
    if not with_shipped:
        return ours
    return [*((_of_shipped(one), catalog.shipped_file(one)) for one in catalog.shipped().values()), *ours]


def _of_shipped(one: Any) -> Entry:
    """Return the entry of a shipped file, whose origin is the checkpoint of its model."""
    origin = {"origin_sha256": one["training"]["checkpoint_sha256"]}
    return Entry.from_json({**one, "file": "", "recipe": {**one["recipe"], **origin}})


def push(store: Store, wanted: Iterable[tuple[Entry, Path]]) -> Iterator[Moved]:
    """Upload every file that the store lacks, then the manifest, which keeps its readable earlier entries."""
    before = manifest_of(store)
    named = {entry.key: entry for entry in _read(before)[0]} if before else {}
    for entry, path in wanted:
        try:
            put = deposit(store, entry.sha256, path)
        except EdgebenchError as error:
            yield Moved(entry.name, "failed", str(error))
            continue
        named[entry.key] = dataclasses.replace(entry, file="")
        yield Moved(entry.name, "moved" if put else "there already")
    entries = [dataclasses.asdict(named[key]) for key in sorted(named)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / MANIFEST
        file.write_text(json.dumps({"schema": SCHEMA, "artifacts": entries}, indent=1) + "\n", encoding="utf-8")
        store.write(MANIFEST, file)


def offered(store: Store) -> tuple[list[Entry], list[Moved]]:
    """Return what a store has, and the entries of its manifest that are refused.

    Raises:
        SetupError: The store has no manifest.
    """
    content = manifest_of(store)
    if content is None:
        raise SetupError("this store is absent or empty: it has no manifest", "edgebench artifacts push fills one")
    return _read(content)


def pull(store: Store, wanted: Iterable[Entry]) -> Iterator[Moved]:
    """Download every file that is not here; its path follows from its name alone, whatever the manifest says."""
    for entry in wanted:
        state, reason = _skipped(entry)
        if not state:
            try:
                _download(store, entry)
                state = "moved"
            except EdgebenchError as error:
                state, reason = "failed", str(error)
        yield Moved(entry.name, state, reason)


def _skipped(entry: Entry) -> tuple[State | None, str]:
    """Return why a file is not downloaded; None if it is."""
    shipped = catalog.shipped().get(entry.key)
    if shipped:
        same = shipped["sha256"] == entry.sha256
        return ("there already", "") if same else ("refused", "this edgebench ships another file of that name")
    known = model_cache.find(*entry.key)
    if known and known.sha256 == entry.sha256 and known.intact:
        return "there already", ""
    if not catalog.current(entry):
        return "refused", "it was made from a model that this edgebench does not ship"
    return None, ""


def _download(store: Store, entry: Entry) -> None:
    with model_cache.build_folder() as folder:
        target = folder / entry.file
        target.parent.mkdir(parents=True)
        fetch(store, entry.sha256, entry.bytes, target)
        model_cache.keep(entry, folder)


def _read(manifest: bytes) -> tuple[list[Entry], list[Moved]]:
    """Return the valid entries of a manifest, and the others as refused."""
    try:
        document = json.loads(manifest)
    except (ValueError, RecursionError):
        document = None
    listed = document.get("artifacts") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise SetupError("the store's manifest cannot be read", "it is not one that edgebench wrote")
    entries: list[Entry] = []
    refused: list[Moved] = []
    for one in listed:
        try:
            entries.append(_trusted(one))
        except ValueError as error:
            refused.append(Moved(f"{one!r:.60}", "refused", str(error).replace("\n", " ")[:200]))
    return entries, refused


def _trusted(one: Any) -> Entry:
    """Return an entry whose path follows from its name, whatever the manifest says.

    Raises:
        ValueError: The entry is invalid.
    """
    if not isinstance(one, dict):
        raise ValueError("it is not an object")
    entry = Entry.from_json({**one, "file": ""})
    if entry.format not in SHIPPED_FORMATS:  # others are converted from these where they are wanted
        raise ValueError(f"format is {entry.format}")
    return entry
