"""Where an image lies in a model's input: resized to cover it or to lie within it, cropped and padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.artifact import Preprocess


def pair(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return height and width."""
    return (size, size) if isinstance(size, int) else size


def covering(shape: Sequence[int], covered: tuple[int, int], stretch: bool) -> tuple[int, int]:
    """Return width and height of an image that covers `covered`, with its aspect ratio kept or not."""
    height, width = shape[:2]
    factor = max(covered[0] / height, covered[1] / width)
    kept_ratio = max(covered[1], round(width * factor)), max(covered[0], round(height * factor))
    return covered[::-1] if stretch else kept_ratio


def within(shape: Sequence[int], size: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of an image that lies within `size`, with its aspect ratio kept."""
    height, width = shape[:2]
    factor = min(size[0] / height, size[1] / width)
    return max(1, round(width * factor)), max(1, round(height * factor))


@dataclass(frozen=True)
class Placement:
    """Where an image lies in a model's input: a point of the input is `scale` times that of the image plus `offset`.

    Attributes:
        scale: Horizontal and vertical.
        offset: Left and top, in pixels of the input; negative where the image is cropped.
        size: Width and height of the input in pixels.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]


def placement(how: Preprocess, shape: Sequence[int]) -> Placement:
    """Return where an image lies in the input that `preprocess` makes of it.

    Args:
        how: The steps.
        shape: Height and width of the image, and whatever follows them.
    """
    height, width = shape[:2]
    inner, outer, offset = (width, height), (width, height), (0.0, 0.0)
    if how.resize is not None and how.letterbox is not None:
        inner, outer = within(shape, pair(how.resize)), pair(how.resize)[::-1]
        offset = ((outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2)
    elif how.resize is not None:
        inner = outer = covering(shape, pair(how.resize), how.stretch)
    if how.crop is not None:
        crop = pair(how.crop)[::-1]
        offset = (offset[0] - (outer[0] - crop[0]) // 2, offset[1] - (outer[1] - crop[1]) // 2)
        outer = crop
    return Placement(
        (inner[0] / width, inner[1] / height),
        (offset[0] + how.pad, offset[1] + how.pad),
        (outer[0] + 2 * how.pad, outer[1] + 2 * how.pad),
    )
