"""Nets of one operator, for libraries whose shipped nets take a millisecond: an adapter costs the same on any net."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

WIDTH = 8


def torchscript(folder: Path) -> Path:
    """A ReLU as TorchScript, with the shape of its input."""
    import json

    import torch

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from harness.runtimes.torch.torchscript import SHAPES

    path = folder / "relu.pt"
    traced = torch.jit.trace(torch.nn.ReLU(), torch.zeros(1, WIDTH))
    torch.jit.save(traced, path, _extra_files={SHAPES: json.dumps({"input": [1, WIDTH]})})
    return path


def tensorflow(folder: Path) -> Path:
    """A ReLU as SavedModel."""
    import tensorflow as tf

    path = folder / "relu"
    net = tf.Module()
    net.call = tf.function(lambda x: {"y": tf.nn.relu(x)}, input_signature=[tf.TensorSpec([1, WIDTH], name="x")])
    tf.saved_model.save(net, str(path), signatures=net.call)
    return path


def keras(folder: Path) -> Path:
    """A ReLU as .keras."""
    import keras as library

    path = folder / "relu.keras"
    library.Sequential([library.Input((WIDTH,), batch_size=1), library.layers.ReLU()]).save(path)
    return path


TINY: Mapping[str, Callable[[Path], Path]] = {"torchscript": torchscript, "tensorflow": tensorflow, "keras": keras}
"""Writes such a net into a folder, by runtime."""


def tiny(runtime: str, folder: Path) -> Path:
    """Such a net, written by another process: TensorFlow takes its threads from what it is asked first."""
    command = [sys.executable, __file__, runtime, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(TINY[sys.argv[1]](Path(sys.argv[2])))
