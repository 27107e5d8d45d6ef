"""The signatures of a SavedModel, read from its saved_model.pb without TensorFlow.

Field numbers: tensorflow/core/protobuf/saved_model.proto and meta_graph.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from harness.core.model_files.protobuf import fields

_META_GRAPHS, _SIGNATURES, _KEY = 2, 5, 1
"""Fields: SavedModel.meta_graphs, MetaGraphDef.signature_def, and the key of an entry of that map."""
_INTERNAL = "__saved_model_"
"""Prefix of the entries that initialise or train, which are no signatures."""


def signatures(folder: Path) -> tuple[str, ...]:
    """Return the names of the signatures, sorted; of a folder that is damaged there are none."""
    try:
        with (folder / "saved_model.pb").open("rb") as file:  # the mapping goes with the last view of it
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return tuple(sorted({name for name in _names(data) if not name.startswith(_INTERNAL)}))
    except (OSError, ValueError, IndexError):
        return ()


def _names(data: memoryview) -> Iterator[str]:
    for graph, start, end in fields(data, 0, len(data)):
        if graph != _META_GRAPHS:
            continue
        for field, first, behind in fields(data, start, end):
            if field == _SIGNATURES:
                yield from (str(data[i:j], "utf-8") for key, i, j in fields(data, first, behind) if key == _KEY)
