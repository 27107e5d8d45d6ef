"""Make a complete model file from a shipped graph: decompress, put the seeded weights into their places, verify.

Needs NumPy and the standard library alone. The shipped graph is the finished file with its weights cut out, so .onnx
and .tflite need no parser here: the pieces between the cuts are written in turn with the weights that belong there.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError
from suites.skeletons.manifest import GRAPHS, REINSTALL, Skeleton, find
from suites.skeletons.weights import encode, integers


def fill(model: str, compression: str, file_format: str, cache_dir: Path, *, graphs: Path = GRAPHS) -> Path:
    """Return the complete model file in ``cache_dir``, making it on first use.

    The file's name holds its hash; a damaged file in the cache is made anew. Raises UnknownName where the net is not
    shipped, SetupError where a shipped file is damaged or the weights come out other than when the net was built.
    """
    skeleton = find(model, compression, file_format, graphs)
    target = cache_dir / f"{model}-{compression}-{skeleton.sha256[:12]}.{file_format}"
    if not (target.is_file() and sha256_of(target) == skeleton.sha256):
        _write_verified(target, skeleton, graphs)
    return target


def _write_verified(target: Path, skeleton: Skeleton, graphs: Path) -> None:
    """Write beside the target and rename at the end, so that no other process meets half a model."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with unfinished.open("wb") as stream:
            for piece in pieces(skeleton, _shipped_graph(skeleton, graphs)):
                digest.update(piece)
                stream.write(piece)
        if digest.hexdigest() != skeleton.sha256:
            raise SetupError(
                f"{skeleton}: filled to sha256 {digest.hexdigest()[:12]}, built as {skeleton.sha256[:12]}",
                f"{REINSTALL}; if that does not help, this NumPy draws other integers: report its version",
            )
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _shipped_graph(skeleton: Skeleton, graphs: Path) -> bytes:
    path = graphs / skeleton.graph
    try:
        return zlib.decompress(path.read_bytes())
    except (OSError, zlib.error) as error:
        raise SetupError(f"{path}: damaged graph of a synthetic net ({error})", REINSTALL) from error


def pieces(skeleton: Skeleton, graph: bytes) -> Iterator[bytes]:
    """The finished file, piece by piece: what the graph holds up to a slot, then the slot's weights."""
    written = taken = 0
    for slot in skeleton.slots:
        between = slot.offset - written
        yield graph[taken : taken + between]
        taken += between
        weights = _slot_weights(skeleton, slot.tensor, slot.dtype, slot.axes)
        yield weights
        written = slot.offset + len(weights)
    yield graph[taken:]


def _slot_weights(skeleton: Skeleton, index: int, dtype: str, axes: tuple[int, ...]) -> bytes:
    try:
        tensor = skeleton.tensors[index]
        return encode(integers(skeleton.seed, index, tensor.shape), dtype, tensor.scale, axes)
    except (IndexError, ValueError) as error:
        raise SetupError(f"{skeleton}: damaged table, tensor {index}: {error}", REINSTALL) from error
