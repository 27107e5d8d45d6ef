"""One net from float exports to shipped graphs: fill, transplant, quantise, examine, cut, verify."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from harness.accuracy.score import sqnr_db
from harness.core.artifact import Format
from harness.core.quantity import Value
from suites.compression.int8_static import SETTING as INT8_STATIC
from suites.skeletons.build import graph
from suites.skeletons.build.activations import activations
from suites.skeletons.build.pack import cut
from suites.skeletons.build.synthesise import synthesise
from suites.skeletons.build.transplant import float_constants, transplant
from suites.skeletons.check import check, open_model
from suites.skeletons.fill import pieces
from suites.skeletons.images import images
from suites.skeletons.manifest import Skeleton, Tensor, save

FP32, INT8 = "fp32", INT8_STATIC.name
FORMS: tuple[tuple[str, Format], ...] = ((FP32, "onnx"), (FP32, "tflite"), (INT8, "onnx"), (INT8, "tflite"))
"""What each net ships as: compression and file format."""

_SCALING_IMAGES = 4
_CALIBRATION_IMAGES = 32
_TRIAL_SEED = 3
_LEAST_SQNR_DB = {FP32: 60.0, INT8: 5.0}
"""Against the fp32 .onnx: the two fp32 files are one net, int8 need only stay near it."""


@dataclass(frozen=True)
class Workplace:
    """The folders of one net's build: float exports in ``source``, finished models in ``work``, graphs in ``out``."""

    model: str
    source: Path
    work: Path
    out: Path

    @property
    def seed(self) -> int:
        """The net's seed, from its name."""
        return zlib.crc32(self.model.encode())

    def exported(self, file_format: Format) -> Path:
        """The float export."""
        return self.source / self.model / f"{FP32}.{file_format}"

    def finished(self, compression: str, file_format: Format) -> Path:
        """The filled model, as users will get it."""
        return self.work / f"{self.model}.{compression}.{file_format}"


def build_net(place: Workplace) -> Iterator[str]:
    """Build the four files of a net; yields lines on what was seen.

    Raises ValueError where the filled net is not sane, int8 strays from fp32, the two formats disagree, or a graph
    does not fill back to the very file it was cut from.
    """
    net, tensors = _fill_float_nets(place)
    counts = (graph.parameters(net), graph.macs(net))
    yield f"{place.model}: {counts[0]:,} parameters, {counts[1]:,} MACs, {len(tensors)} weight tensors"
    edge = graph.edge(net)
    _quantise(place, edge)
    yield from _examine(place, edge)
    skeletons = []
    for compression, file_format in FORMS:
        skeletons.append(_ship(place, compression, file_format, counts, tensors))
        yield _line(skeletons[-1], place.out)
    save(place.out / f"{place.model}.json", skeletons)


def _fill_float_nets(place: Workplace) -> tuple[onnx.ModelProto, list[Tensor]]:
    """Synthetic weights into both float nets; the filled .onnx and the table of tensors."""
    net = graph.strip(onnx.load(place.exported("onnx")))
    old = float_constants(net)
    pictures = images(place.seed, _SCALING_IMAGES, graph.edge(net))
    tensors = synthesise(net, place.seed, list(pictures[:, None]))
    onnx.save(net, place.finished(FP32, "onnx"))
    moved = transplant(place.exported("tflite").read_bytes(), old, float_constants(net))
    place.finished(FP32, "tflite").write_bytes(moved)
    return net, tensors


def _quantise(place: Workplace, edge: int) -> None:
    """Make the int8 models of both formats from the filled float ones."""
    pictures = images(place.seed, _CALIBRATION_IMAGES, edge)
    INT8_STATIC.build(place.finished(FP32, "onnx"), pictures, place.finished(INT8, "onnx"))
    channels_last = np.ascontiguousarray(pictures.transpose(0, 2, 3, 1))
    INT8_STATIC.build(place.finished(FP32, "tflite"), channels_last, place.finished(INT8, "tflite"))


def _examine(place: Workplace, edge: int) -> Iterator[str]:
    """Lines on each form's activations and its distance from fp32 .onnx; ValueError where it is no working net."""
    reference = check(place.finished(FP32, "onnx"), _TRIAL_SEED)
    noise = np.random.default_rng(_TRIAL_SEED).random((3, edge, edge)).astype(np.float32)
    for compression, file_format in FORMS:
        path = place.finished(compression, file_format)
        for kind, picture in (("picture", images(_TRIAL_SEED, 1, edge)[0]), ("uniform noise", noise)):
            seen = activations(path, picture)
            yield f"  {compression} {file_format}, {kind}: {seen}"
            if not seen.sane:
                raise ValueError(f"{place.model} {compression} {file_format}: activations vanish or overflow")
        if (compression, file_format) == (FP32, "onnx"):
            continue
        ratio = sqnr_db(check(path, _TRIAL_SEED), reference)
        if not isinstance(ratio, Value) or ratio.value < _LEAST_SQNR_DB[compression]:
            raise ValueError(f"{place.model} {compression} {file_format}: not the net of fp32 onnx: {ratio}")
        yield f"  {compression} {file_format}: SQNR against fp32 onnx {ratio.value:.1f} dB"


def _ship(
    place: Workplace, compression: str, file_format: Format, counts: tuple[int, int], tensors: list[Tensor]
) -> Skeleton:
    """Cut one finished file, write its graph, and see that it fills back to the same bytes."""
    path = place.finished(compression, file_format)
    finished = path.read_bytes()
    shipped, slots = cut(finished, place.seed, tensors, file_format)
    entry = open_model(path).inputs[0]
    skeleton = Skeleton(
        model=place.model,
        compression=compression,
        format=file_format,
        parameters=counts[0],
        macs=counts[1],
        input_shape=(1, *(int(size) for size in entry.shape[1:])),
        input_dtype=entry.dtype,
        layout="NHWC" if entry.shape[-1] == 3 else "NCHW",
        graph=f"{path.name}.z",
        size_bytes=len(finished),
        sha256=hashlib.sha256(finished).hexdigest(),
        seed=place.seed,
        tensors=tuple(tensors),
        slots=tuple(slots),
    )
    if b"".join(pieces(skeleton, zlib.decompress(shipped))) != finished:
        raise ValueError(f"{skeleton}: the graph does not fill back to the file it was cut from")
    (place.out / skeleton.graph).write_bytes(shipped)
    return skeleton


def _line(skeleton: Skeleton, out: Path) -> str:
    shipped = (out / skeleton.graph).stat().st_size
    return f"  {skeleton.graph}: {shipped:,} bytes for {skeleton.size_bytes:,}, {len(skeleton.slots)} cuts"
