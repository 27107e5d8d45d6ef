"""Small folders of labelled images, as a user would bring them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from harness.datasets.dataset import open_dataset, open_folder
from suites.artifacts.catalog import ARTIFACTS, DATA
from suites.post_training import Split

NET = "mobilenet_v2-0.35-32"
HOW = "pad=2,mean=0.286,std=0.353"


def fashion(folder: Path, count: int) -> Path:
    """The first `count` test images of Fashion-MNIST in ten class folders."""
    for number, (image, label) in enumerate(open_dataset("idx", DATA / "fashion-mnist").items(count)):
        place = folder / f"class{label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(place / f"{number:04}.png")
    return folder


def plain(folder: Path, sizes: dict[str, int]) -> Path:
    """As many one-coloured images a class as `sizes` says."""
    for name, count in sizes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name / f"{number:03}.png")
    return folder


def shipped(setting: str, kind: str = "onnx") -> Path:
    """A shipped file of the net."""
    return ARTIFACTS / NET / f"{setting}.{kind}"


def split_of(folder: Path, seed: int = 0) -> Split:
    """The images of a folder, split as `--compress` splits them."""
    return Split(open_folder(folder), folder, seed)
