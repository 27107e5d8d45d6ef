"""Make the shipped nets: ``python -m suites.preparation.make [MODEL ...]``. Needs the extra ``prepare``.

Each net is written as float .onnx and .tflite, quantised to int8, checked and compressed. Entries of nets that are not
named stay in the manifest. The same tools on the same kind of machine give the same files.
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch

from harness.core.artifact import Format, sha256_of
from harness.core.errors import ModelError
from harness.core.plugins import load
from harness.core.quantity import Value
from harness.stats.output_quality import sqnr_db
from suites.artifacts.synthetic.check import check
from suites.artifacts.synthetic.files import MANIFEST, MODELS, ModelFile, available
from suites.artifacts.synthetic.images import images
from suites.compression.int8_static import SETTING as INT8_STATIC
from suites.converter_output import quiet
from suites.models.base import ModelFamily, Variant
from suites.nn import count
from suites.nn.blocks import fold
from suites.preparation.training.inputs import ROUTES

from .synthetic import set_weights

NETS = (
    "efficientnet_b0-1.0-224",
    "efficientnet_lite0-1.0-224",
    "mobilenet_v1-1.0-224",
    "mobilenet_v2-1.0-224",
    "mobilenet_v3_large-1.0-224",
    "mobilenet_v3_small-1.0-224",
    "shufflenet_v2-0.5-224",
    "shufflenet_v2-1.0-224",
)
"""The nets of the suite ``full-size``."""

FORMATS: tuple[Format, ...] = ("onnx", "tflite")

_SEED = 0
_SCALING_IMAGES, _CALIBRATION_IMAGES = 4, 32
_LEAST_SQNR_DB = {"fp32": 60.0, INT8_STATIC.name: 5.0}
"""Against the float .onnx file: the two float files are one net, int8 need only stay near it."""


def make(model: str, out: Path) -> Iterator[ModelFile]:
    """Write the compressed files of one net into ``out`` and yield their entries.

    Raises:
        ModelError: A file does not compute as a working net, or int8 or .tflite is not the net of the float .onnx.
    """
    variant = Variant.parse(model)
    net = fold(cast(ModelFamily, load("models", variant.family)).net(variant))
    set_weights(net, torch.from_numpy(images(_SEED, _SCALING_IMAGES, variant.resolution)))
    counts = {"parameters": count.parameters(net), "macs": count.macs(net, variant.input_shape)}
    with TemporaryDirectory() as folder:
        made = {(s, kind): Path(folder) / f"{model}.{s}.{kind}" for kind in FORMATS for s in ("fp32", INT8_STATIC.name)}
        for kind in FORMATS:
            with quiet():
                ROUTES[kind].write(net, variant, made["fp32", kind])
                INT8_STATIC.build(made["fp32", kind], _calibration(variant, kind), made[INT8_STATIC.name, kind])
        reference = check(made["fp32", "onnx"])
        for (setting, kind), path in made.items():
            recipe: dict[str, Any] = {"setting": setting, "weights": "synthetic", "tools": _tools(setting, kind)}
            if path != made["fp32", "onnx"]:
                recipe["sqnr_db"] = _sqnr(path, reference, _LEAST_SQNR_DB[setting])
            file = ModelFile(model, setting, kind, path.stat().st_size, sha256_of(path), **counts, recipe=recipe)
            (out / file.packed).write_bytes(lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
            yield file


def _calibration(variant: Variant, kind: Format) -> Any:
    made = images(_SEED + 1, _CALIBRATION_IMAGES, variant.resolution)
    return made if ROUTES[kind].layout == "NCHW" else np.ascontiguousarray(made.transpose(0, 2, 3, 1))


def _sqnr(path: Path, reference: Any, least: float) -> float:
    ratio = sqnr_db(check(path), reference)
    if not isinstance(ratio, Value) or ratio.value < least:
        raise ModelError(f"{path.name} is not the net of the float .onnx file: SQNR {ratio}")
    return round(ratio.value, 1)


def _tools(setting: str, kind: Format) -> Mapping[str, str]:
    quantisers = () if setting == "fp32" else INT8_STATIC.yields[kind].tools
    return {tool: version(tool) for tool in (*ROUTES[kind].exporters, *quantisers)}


def main() -> None:
    """Make all nets, or those named, and write the manifest."""
    parser = argparse.ArgumentParser(prog="python -m suites.preparation.make", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", default=NETS, help="all by default")
    parser.add_argument("--out", type=Path, default=MODELS, metavar="DIR", help="folder of the files (default: ours)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = dict(available(arguments.out)) if (arguments.out / MANIFEST).exists() else {}
    for model in arguments.models:
        for file in make(model, arguments.out):
            files[file.model, file.compression, file.format] = file
            shipped = (arguments.out / file.packed).stat().st_size
            print(f"{file.packed}: {shipped:,} bytes for {file.size_bytes:,}, {dict(file.recipe)}", flush=True)
    document = {"files": [asdict(files[key]) for key in sorted(files)]}
    (arguments.out / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
