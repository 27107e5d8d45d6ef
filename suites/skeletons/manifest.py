"""The table beside the shipped graphs: which weights go where, and what the filled file must be.

One ``<model>.json`` a net in ``graphs/``, written by ``suites.skeletons.build``; adding a net adds files and edits no
list. Units: offsets and sizes in bytes, ``macs`` in multiply-accumulates for one image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import Format, Layout
from harness.core.errors import SetupError, UnknownName

GRAPHS = Path(__file__).parent / "graphs"
"""Where the shipped graphs and their tables are."""

SCHEMA = 1
"""Version of the table's form; a table of another version is refused."""

REINSTALL = "a shipped file was changed or cut short: install edgebench again"
"""What to do about a damaged graph or table."""


@dataclass(frozen=True)
class Tensor:
    """A weight tensor: its shape (output channels first) and the scale of its integers."""

    shape: tuple[int, ...]
    scale: float


@dataclass(frozen=True)
class Slot:
    """A place in the finished file: at ``offset`` stands tensor ``tensor`` as ``dtype``, axes in the order ``axes``."""

    offset: int
    tensor: int
    dtype: str
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Skeleton:
    """One shipped graph without weights, and all that filling it needs.

    ``graph`` is the file in ``graphs/``; ``size_bytes`` and ``sha256`` are those of the filled model. ``input_shape``
    includes the batch; ``layout`` is NCHW or NHWC.
    """

    model: str
    compression: str
    format: Format
    parameters: int
    macs: int
    input_shape: tuple[int, ...]
    input_dtype: str
    layout: Layout
    graph: str
    size_bytes: int
    sha256: str
    seed: int
    tensors: tuple[Tensor, ...]
    slots: tuple[Slot, ...]

    def __str__(self) -> str:
        return f"{self.model} {self.compression} {self.format}"


def load(table: Path) -> list[Skeleton]:
    """Read one net's table; SetupError says which file is damaged and how."""
    try:
        document = json.loads(table.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"version {document['schema']}, this edgebench reads {SCHEMA}")
        return [_skeleton(document, file) for file in document["files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{table}: damaged table of a synthetic net ({error!r})", REINSTALL) from error


def _skeleton(document: dict[str, Any], file: dict[str, Any]) -> Skeleton:
    shared = {key: document[key] for key in ("model", "parameters", "macs", "seed")}
    tensors = tuple(Tensor(tuple(shape), float(scale)) for shape, scale in document["tensors"])
    slots = tuple(Slot(offset, tensor, dtype, tuple(axes)) for offset, tensor, dtype, axes in file["slots"])
    own = {**file, "slots": slots, "input_shape": tuple(file["input_shape"])}
    return Skeleton(**shared, **own, tensors=tensors)


def save(table: Path, skeletons: list[Skeleton]) -> None:
    """Write the table of one net; all ``skeletons`` share model, seed and tensors."""
    first = skeletons[0]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "model": first.model,
        "parameters": first.parameters,
        "macs": first.macs,
        "seed": first.seed,
        "tensors": [[t.shape, t.scale] for t in first.tensors],
        "files": [_file(skeleton) for skeleton in skeletons],
    }
    table.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


def _file(skeleton: Skeleton) -> dict[str, Any]:
    own = {k: v for k, v in asdict(skeleton).items() if k not in ("model", "parameters", "macs", "seed", "tensors")}
    return {**own, "slots": [[s.offset, s.tensor, s.dtype, s.axes] for s in skeleton.slots]}


def available(graphs: Path = GRAPHS) -> list[Skeleton]:
    """All shipped graphs, by model, compression and format."""
    found: Iterator[Skeleton] = (skeleton for table in graphs.glob("*.json") for skeleton in load(table))
    return sorted(found, key=lambda s: (s.model, s.compression, s.format))


def find(model: str, compression: str, file_format: str, graphs: Path = GRAPHS) -> Skeleton:
    """The shipped graph of that name; UnknownName lists what there is."""
    table = graphs / f"{model}.json"
    if not table.is_file():
        raise UnknownName("synthetic net", model, (path.stem for path in graphs.glob("*.json")))
    of_model = {f"{s.compression} {s.format}": s for s in load(table)}
    wanted = f"{compression} {file_format}"
    if wanted not in of_model:
        raise UnknownName(f"form of {model}", wanted, of_model)
    return of_model[wanted]
