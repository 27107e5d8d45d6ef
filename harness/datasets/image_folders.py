"""Image files as pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError

if TYPE_CHECKING:
    import PIL.Image

Image = NDArray[np.uint8]
"""Height x width x channels."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm"})


def is_image(path: Path) -> bool:
    """By its suffix; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read(path: Path) -> Image:
    """Height x width x 3, what is transparent on white; DataError names a file that is no image."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as image:
            return np.asarray(on_white(image), np.uint8)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:  # what Pillow's readers raise
        raise DataError(f"{path} cannot be read as an image: {error}", "remove or repair it") from error


def on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """As RGB, laid on white where it is transparent: the colours behind transparency are arbitrary."""
    from PIL import Image as Pillow

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Pillow.new("RGBA", layer.size, "white")
    return Pillow.alpha_composite(ground, layer).convert("RGB")
