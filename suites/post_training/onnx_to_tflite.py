"""A .tflite of an .onnx by onnx2tf, a program of its own: its pinned dependencies would not fit beside ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import sha256_of
from harness.core.errors import UsageError
from suites.artifacts.evaluate import outputs
from suites.converter_output import quiet

from .build_cache import kept

INSTALL = "pipx install onnx2tf (needs Python 3.12 or newer; any Python will do for edgebench itself)"
LEAST_SQNR_DB = 50.0
"""Float files of one net differ by rounding alone, 100 dB and more; a wrong conversion is below 20."""


def program() -> str:
    """Path of onnx2tf; UsageError with how to install it."""
    found = shutil.which("onnx2tf") or shutil.which("onnx2tf", path=str(Path(sys.executable).parent))
    if found is None:
        raise UsageError(f"a .tflite is made of an .onnx by onnx2tf, which is not installed: {INSTALL}")
    return found


def converter() -> str:
    """Name and version, for the recipe."""
    done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    return f"onnx2tf {done.stdout.strip()}"


def converted(source: Path, folder: Path) -> Path:
    """The float .tflite of a float .onnx; UsageError where onnx2tf fails or its file computes something else."""
    name = hashlib.sha256(f"{sha256_of(source)} {converter()}".encode()).hexdigest()[:16]
    path = folder / f"{source.stem}-onnx2tf-{name}.tflite"
    if not kept(path):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch, quiet():
            made = _run(program(), source, Path(scratch))
            _check(source, made)
            Path(f"{path}.sha256").write_text(sha256_of(made), encoding="utf-8")
            made.rename(path)
    return path


def _run(tool: str, source: Path, out: Path) -> Path:
    command = [tool, "-i", str(source.resolve()), "-o", str(out), "-b", "1", "-n"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    made = out / f"{source.stem}_float32.tflite"
    if done.returncode or not made.is_file():
        words = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise UsageError(f"onnx2tf cannot convert it: {words[-1][:300]}")
    return made


def _check(source: Path, made: Path) -> None:
    """One seeded input through both."""
    image = np.random.default_rng(0).random(_shape(source), np.float32)
    expected = outputs(source, image)
    actual = outputs(made, image if _tflite_shape(made) == image.shape else image.transpose(0, 2, 3, 1))
    noise = float(np.square(actual - expected).sum()) or 1e-30
    sqnr_db = 10 * np.log10(float(np.square(expected).sum()) / noise)
    if not sqnr_db >= LEAST_SQNR_DB:
        raise UsageError(f"the .tflite that onnx2tf makes computes something else: {sqnr_db:.0f} dB to the .onnx")


def _shape(source: Path) -> tuple[int, ...]:
    from onnxruntime import InferenceSession

    inputs = InferenceSession(source, providers=["CPUExecutionProvider"]).get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise UsageError("only nets with one input of images are converted to .tflite")
    return (1, *inputs[0].shape[1:])


def _tflite_shape(made: Path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    shape: NDArray[np.int32] = Interpreter(str(made)).get_input_details()[0]["shape"]
    return tuple(map(int, shape))
