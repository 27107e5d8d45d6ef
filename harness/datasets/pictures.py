"""Read one picture: which formats are opened, what each pixel mode becomes, and whether a file can be read at all."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError, describe_error

if TYPE_CHECKING:
    import PIL.Image

Image = NDArray[np.uint8]
"""Height x width x channels."""

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF", "PPM")
"""The decoders of Pillow that are used, whatever a file is called; the first frame of an animation is taken."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"}
)
"""Files with these suffixes are taken for pictures."""

MAX_PIXELS = 89_478_485
"""A picture with more pixels is refused as a decompression bomb: Pillow's own limit for a warning."""

_EXIF_ORIENTATION = 0x0112


def is_image(path: Path) -> bool:
    """Return whether the suffix is that of a picture; hidden files never count."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def flatten_on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the image as RGB, laid on white where it is transparent: the colours behind transparency are arbitrary."""
    from PIL import Image as Pillow

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Pillow.new("RGBA", layer.size, "white")
    return Pillow.alpha_composite(ground, layer).convert("RGB")


def _to_rgb(image: PIL.Image.Image) -> Image:
    return np.asarray(flatten_on_white(image), np.uint8)


def _high_byte(image: PIL.Image.Image) -> Image:
    """Return 16-bit grey as 8 bits: 65535 becomes 255, as Pillow does with 16-bit colour; `convert` clips at 255."""
    values = np.asarray(image).astype(np.uint32)
    grey = (values >> 8).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[values == transparent] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)


PIXEL_MODES: Mapping[str, Callable[[PIL.Image.Image], Image]] = {
    "1": _to_rgb,  # black 0, white 255
    "L": _to_rgb,  # the grey value in all three channels
    "RGB": _to_rgb,  # of 16-bit colour Pillow's decoders keep the high byte
    "P": _to_rgb,  # the colours of the palette, never its indices
    "LA": _to_rgb,  # on white
    "PA": _to_rgb,  # on white
    "RGBA": _to_rgb,  # on white
    "CMYK": _to_rgb,  # (255 - C) (255 - K) / 255, without a colour profile; Adobe's inverted files are turned back
    "YCbCr": _to_rgb,
    "I;16": _high_byte,
    "I;16B": _high_byte,
    "I;16L": _high_byte,
    "I;16N": _high_byte,
    "I": _high_byte,  # 16-bit PGM, and 16-bit PNG in older versions of Pillow: both run to 65535
}
"""What becomes of each pixel mode of Pillow. Pictures of any other, such as floats, have no defined white: refused."""


def read_image(path: Path) -> Image:
    """Return the picture as height x width x 3, by the rule of its pixel mode; an EXIF orientation is ignored.

    Raises:
        DataError: The file cannot be read as a picture.
    """
    try:
        with _open(path) as image:
            return PIXEL_MODES[image.mode](image)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever their parsers do
        raise DataError(f"{path} cannot be read as an image: {_reason(error)}", "remove or repair it") from error


@dataclass(frozen=True)
class PictureCheck:
    """What a look at a picture found.

    Attributes:
        path: The file.
        unreadable: Why it cannot be read; empty when it can.
        turned: Whether an EXIF tag asks viewers to turn or mirror it.
    """

    path: Path
    unreadable: str = ""
    turned: bool = False


def check_images(paths: Iterable[Path]) -> list[PictureCheck]:
    """Decode every picture once, several at a time; JPEG at an eighth of its size, which reads all of the file."""
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        return list(pool.map(_check, paths))


def _check(path: Path) -> PictureCheck:
    try:
        with _open(path) as image:
            image.draft("L", (max(1, image.width // 8), max(1, image.height // 8)))
            image.load()
            return PictureCheck(path, turned=image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1))
    except MemoryError:
        raise
    except Exception as error:  # as in `read_image`
        return PictureCheck(path, _reason(error))


def _open(path: Path) -> PIL.Image.Image:
    from PIL import Image as Pillow

    if not path.is_file():
        raise ValueError("it is not a regular file")
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # an error of our own, from the same size on
    image = Pillow.open(path, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise ValueError(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}: a decompression bomb")
    if image.mode not in PIXEL_MODES:
        image.close()
        raise ValueError(f"pixels of mode {image.mode} have no defined white: store 8 or 16 bits per channel")
    return image


def _reason(error: Exception) -> str:
    from PIL import Image as Pillow

    if isinstance(error, Pillow.UnidentifiedImageError):
        return f"it is none of {', '.join(FORMATS)}"
    if isinstance(error, Pillow.DecompressionBombError):
        return f"more than {2 * MAX_PIXELS:,} pixels: a decompression bomb"
    known = isinstance(error, (OSError, ValueError, SyntaxError))
    return " ".join(str(error).split()) if known and str(error) else describe_error(error)
