"""Conversion of .onnx to .tflite by onnx2tf, a program apart: its pinned dependencies conflict with ours."""

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

from .build_cache import is_intact

INSTALL = "pipx install onnx2tf (needs Python 3.12 or newer; any Python will do for edgebench itself)"
LEAST_SQNR_DB = 50.0
"""Float files of one model differ by rounding alone, which gives 100 dB and more; a wrong conversion is below 20."""


def program() -> str:
    """Return the path of onnx2tf.

    Raises:
        UsageError: It is not installed; the message says how to install it.
    """
    path = shutil.which("onnx2tf") or shutil.which("onnx2tf", path=str(Path(sys.executable).parent))
    if path is None:
        raise UsageError(f"a .tflite is made from an .onnx by onnx2tf, which is not installed: {INSTALL}", INSTALL)
    return path


def converter() -> str:
    """Return name and version of the converter, for the recipe."""
    done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    return f"onnx2tf {done.stdout.strip()}"


def converted(source: Path, folder: Path) -> Path:
    """Return the float .tflite of a float .onnx, converted unless it is in ``folder``.

    Raises:
        UsageError: onnx2tf is missing or fails, or its file computes something else.
    """
    name = hashlib.sha256(f"{sha256_of(source)} {converter()}".encode()).hexdigest()[:16]
    path = folder / f"{source.stem}-onnx2tf-{name}.tflite"
    if not is_intact(path):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch, quiet():
            result = _run(program(), source, Path(scratch))
            _check(source, result)
            Path(f"{path}.sha256").write_text(sha256_of(result), encoding="utf-8")
            result.rename(path)
    return path


def _run(tool: str, source: Path, out: Path) -> Path:
    command = [tool, "-i", str(source.absolute()), "-o", str(out), "-b", "1", "-n"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    result = out / f"{source.stem}_float32.tflite"
    if done.returncode or not result.is_file():
        words = (done.stderr or done.stdout).strip().splitlines() or ["it printed nothing"]
        raise UsageError(f"onnx2tf cannot convert it: {words[-1][:300]}")
    return result


def _check(source: Path, result: Path) -> None:
    """Compare the outputs of both files for one seeded input."""
    image = np.random.default_rng(0).random(_shape(source), np.float32)
    expected = outputs(source, image)
    actual = outputs(result, image if _tflite_shape(result) == image.shape else image.transpose(0, 2, 3, 1))
    noise = float(np.square(actual - expected).sum()) or 1e-30
    sqnr_db = 10 * np.log10(float(np.square(expected).sum()) / noise)
    if not sqnr_db >= LEAST_SQNR_DB:
        raise UsageError(
            f"the .tflite that onnx2tf writes computes something else: its SQNR against the .onnx is {sqnr_db:.0f} dB"
        )


def _shape(source: Path) -> tuple[int, ...]:
    from onnxruntime import InferenceSession

    inputs = InferenceSession(source, providers=["CPUExecutionProvider"]).get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise UsageError("only models with one image input are converted to .tflite")
    return (1, *inputs[0].shape[1:])


def _tflite_shape(path: Path) -> tuple[int, ...]:
    from ai_edge_litert.interpreter import Interpreter

    shape: NDArray[np.int32] = Interpreter(str(path)).get_input_details()[0]["shape"]
    return tuple(map(int, shape))
