"""Turn an image into a model's input, as a recorded `Preprocess` says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Layout, Preprocess
from harness.core.errors import UsageError

from .pictures import Image
from .placement import covering, pair, within

PRESETS = {
    "unit": Preprocess(),
    "imagenet": Preprocess(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "inception": Preprocess(resize=256, crop=224, scale=1.0, mean=(127.5,), std=(127.5,)),
    "efficientnet-lite": Preprocess(resize=256, crop=224, scale=1.0, mean=(127.0,), std=(128.0,)),
    "raw": Preprocess(scale=1.0),
    "yolo": Preprocess(letterbox=114),
    "ssd": Preprocess(scale=1.0, mean=(127.5,), std=(127.5,), stretch=True),
}
"""Presets: ImageNet's mean and standard deviation (torchvision), Inception's [-1, 1], EfficientNet-Lite's own, and for
detectors those of Ultralytics (grey bars) and of TensorFlow's object detection API (stretched to the input)."""


def preprocess(image: Image, how: Preprocess) -> NDArray[np.float32]:
    """Return the image as a float32 array without batch dimension.

    Args:
        image: uint8, height x width x channels.
        how: The steps; `how.layout` is the layout of the result.
    """
    pixels = _geometry(_channels(image, how.channels), how)
    if how.order == "BGR":
        pixels = pixels[:, :, ::-1]
    mean, std = np.array(how.mean, np.float32), np.array(how.std, np.float32)
    normal: NDArray[np.float32] = (pixels.astype(np.float32) / np.float32(how.scale) - mean) / std
    return np.ascontiguousarray(normal.transpose(2, 0, 1)) if how.layout == "NCHW" else normal


def _channels(image: Image, channels: int) -> Image:
    if image.shape[2] == channels:
        return image
    if channels == 1:  # ITU-R BT.601 luma, as Pillow's 'L'
        luma = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        return (luma + np.float32(0.5)).astype(np.uint8)[:, :, None]
    return np.repeat(image[:, :, :1], channels, axis=2)


def _geometry(image: Image, how: Preprocess) -> Image:
    if how.resize is not None and how.letterbox is not None:
        image = _boxed(image, pair(how.resize), how.letterbox)
    elif how.resize is not None:
        image = _resized(image, covering(image.shape, pair(how.resize), how.stretch))
    if how.crop is not None:
        height, width = pair(how.crop)
        top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
        if top < 0 or left < 0:
            raise UsageError(f"cannot crop {height}x{width} px from {image.shape[0]}x{image.shape[1]}: set resize=")
        image = image[top : top + height, left : left + width]
    edge = (how.pad, how.pad)
    return np.pad(image, (edge, edge, (0, 0))) if how.pad else image


def _boxed(image: Image, size: tuple[int, int], grey: int) -> Image:
    """Return the image in the middle of one of `size`, with grey bars on two sides."""
    inner = _resized(image, within(image.shape, size))
    top, left = (size[0] - inner.shape[0]) // 2, (size[1] - inner.shape[1]) // 2
    boxed = np.full((*size, image.shape[2]), grey, np.uint8)
    boxed[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return boxed


def _resized(image: Image, size: tuple[int, int]) -> Image:
    from PIL import Image as Pillow

    if size == (image.shape[1], image.shape[0]):
        return image
    squeezed = image[:, :, 0] if image.shape[2] == 1 else image
    resized = np.asarray(Pillow.fromarray(squeezed).resize(size, Pillow.Resampling.BICUBIC), np.uint8)
    return resized[:, :, None] if resized.ndim == 2 else resized


def parse(text: str, layout: Layout, channels: int) -> Preprocess:
    """Read the text of `--preprocess`.

    Args:
        text: A preset, settings, or both: 'imagenet', 'unit,resize=32', 'mean=0.5:0.5:0.5,std=0.5,resize=48x64'.
        layout: Layout of the model's input.
        channels: Channels of the model's input.

    Raises:
        UsageError: Names the preset or setting that is wrong.
    """
    head, *rest = text.split(",")
    if "=" in head:
        head, rest = "unit", [head, *rest]
    if head not in PRESETS:
        raise UsageError(f"unknown preprocessing '{head}'", f"presets: {', '.join(PRESETS)}; or key=value settings")
    settings: dict[str, Any] = {"layout": layout, "channels": channels}
    for item in rest:
        settings.update([_setting(item)])
    return dataclasses.replace(PRESETS[head], **settings)


def _setting(item: str) -> tuple[str, Any]:
    key, _, value = item.partition("=")
    if key not in _PARSERS:
        known = "known: resize, crop, pad, channels, scale, mean, std, stretch=1, letterbox=114, order=bgr"
        raise UsageError(f"unknown preprocessing setting '{item}'", known)
    try:
        return key, _PARSERS[key](value)
    except ValueError as error:
        raise UsageError(f"preprocessing setting '{item}': {error}") from error


def _sizes(value: str) -> int | tuple[int, int]:
    sizes = tuple(int(size) for size in _numbers(value.split("x"), positive=True))
    if len(sizes) > 2:
        raise ValueError("one size, or height and width as in 48x64")
    return (sizes[0], sizes[1]) if len(sizes) == 2 else sizes[0]


def _grey(value: str) -> int:
    if not 0 <= int(value) <= 255:
        raise ValueError("a grey value from 0 to 255, such as 114")
    return int(value)


def _order(value: str) -> str:
    if value.upper() not in ("RGB", "BGR"):
        raise ValueError("rgb or bgr")
    return value.upper()


def _numbers(words: Sequence[str], positive: bool) -> tuple[float, ...]:
    """Return finite numbers, above 0 where they divide or are a size; ValueError for any other."""
    numbers = tuple(float(word) for word in words)
    if not np.isfinite(numbers).all() or (positive and min(numbers) <= 0):
        raise ValueError(f"{':'.join(words)} is not {'above 0' if positive else 'finite'}")
    return numbers


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "resize": _sizes,
    "crop": _sizes,
    "pad": int,
    "channels": int,
    "scale": lambda value: _numbers([value], positive=True)[0],
    "mean": lambda value: _numbers(value.split(":"), positive=False),
    "std": lambda value: _numbers(value.split(":"), positive=True),
    "stretch": lambda value: bool(int(value)),
    "letterbox": _grey,
    "order": _order,
}


@dataclass(frozen=True)
class ImageInput:
    """A model's only input, where it takes images.

    Attributes:
        name: Its name.
        layout: Whether the channels come first or last.
        channels: 1 for grey, 3 for colour.
        height: In pixels.
        width: In pixels.
    """

    name: str
    layout: Layout
    channels: int
    height: int
    width: int

    @property
    def shape(self) -> str:
        """The shape of one image, such as '3x224x224'."""
        return _shape(self.layout, self.channels, self.height, self.width)


def image_input(inputs: Mapping[str, Sequence[int]]) -> ImageInput:
    """Return the input that images go to.

    Args:
        inputs: Shape of each input of the model, with the batch first, by name.

    Raises:
        UsageError: There are several inputs, or the only one does not take images.
    """
    name, shape = next(iter(inputs.items())) if len(inputs) == 1 else ("", ())
    if len(shape) == 4:
        layouts: tuple[tuple[Layout, Sequence[int]], ...] = (("NCHW", shape[1:]), ("NHWC", [shape[3], *shape[1:3]]))
        for layout, (channels, height, width) in layouts:
            if channels in (1, 3) and height > 0 and width > 0:
                return ImageInput(name, layout, channels, height, width)
    raise UsageError(
        "--data needs a model with one input of images, this one takes "
        + "; ".join(f"{name} {list(shape)}" for name, shape in inputs.items()),
        "leave --data out: latency needs no images",
    )


def fitted(how: Preprocess, given: str, height: int, width: int) -> Preprocess:
    """Return `how` with the sizes that the text `given` does not set scaled to a model's input."""
    crop = pair(how.crop) if how.crop is not None and "crop=" in given else (height - 2 * how.pad, width - 2 * how.pad)
    margin = pair(how.resize or 1)[0] / pair(how.crop or how.resize or 1)[0]
    resize = how.resize if "resize=" in given else _single((round(crop[0] * margin), round(crop[1] * margin)))
    if (how.stretch or how.letterbox is not None) and "resize=" not in given:
        resize = _single(crop)
    return dataclasses.replace(how, crop=_single(crop), resize=resize)


def check_shape(how: Preprocess, into: ImageInput, source: str) -> None:
    """Refuse a preprocessing whose images do not have the shape of a model's input.

    Args:
        how: The steps.
        into: The model's input.
        source: Where `how` comes from, for the message: 'preprocessing imagenet'.

    Raises:
        UsageError: With both shapes.
    """
    values = max(len(how.mean), len(how.std))
    channels = values if values > 1 else how.channels
    height, width = pair(how.crop) if how.crop is not None else (into.height - 2 * how.pad, into.width - 2 * how.pad)
    made = _shape(how.layout, channels, height + 2 * how.pad, width + 2 * how.pad)
    if made != into.shape or how.layout != into.layout or not {len(how.mean), len(how.std)} <= {1, channels}:
        raise UsageError(
            f"{source} makes images of {made}, the model's input {into.name} takes {into.shape}",
            "with --preprocess give one mean and std for each channel, and no other crop, pad or channels than these",
        )
    if how.resize is not None and any(a < b for a, b in zip(pair(how.resize), (height, width), strict=True)):
        raise UsageError(
            f"{source} resizes images to {_size(how.resize)} px and then crops {_size(_single((height, width)))} px",
            "resize to at least the crop",
        )


def describe(how: Preprocess) -> str:
    """Return the steps in words."""
    steps: list[str] = ["greyscale" if how.channels == 1 else how.order]
    if how.resize is not None:
        steps.append(
            f"{'stretched' if how.stretch else 'shorter side'} to {_size(how.resize)} px"
            if how.letterbox is None
            else f"within {_size(how.resize)} px between bars of grey {how.letterbox}"
        )
    if how.crop is not None:
        steps.append(f"centre crop {_size(how.crop)} px")
    steps += [f"{how.pad} px of zeros around"] if how.pad else []
    return ", ".join([*steps, _formula(how), how.layout])


def _formula(how: Preprocess) -> str:
    """Return what becomes of a pixel, without the steps that leave it as it is."""
    scaled = f"x / {how.scale:g}" if how.scale != 1 else "x"
    centred = f"{scaled} - {_listed(how.mean)}" if any(how.mean) else scaled
    if set(how.std) == {1}:
        return centred
    return f"{f'({centred})' if ' ' in centred else centred} / {_listed(how.std)}"


def _listed(values: tuple[float, ...]) -> str:
    return ":".join(f"{value:g}" for value in values)


def _single(size: tuple[int, int]) -> int | tuple[int, int]:
    return size[0] if size[0] == size[1] else size


def _size(size: int | tuple[int, int]) -> str:
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def _shape(layout: Layout, channels: int, height: int, width: int) -> str:
    return f"{channels}x{height}x{width}" if layout == "NCHW" else f"{height}x{width}x{channels}"
