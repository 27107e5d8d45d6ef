"""Turn an image into a model's input, as a recorded `Preprocess` says."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Preprocess
from harness.core.errors import UsageError

from .pictures import Image

PRESETS = {
    "unit": Preprocess(),
    "imagenet": Preprocess(resize=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "inception": Preprocess(resize=256, crop=224, scale=1.0, mean=(127.5,), std=(127.5,)),
    "efficientnet-lite": Preprocess(resize=256, crop=224, scale=1.0, mean=(127.0,), std=(128.0,)),
    "raw": Preprocess(scale=1.0),
}
"""Presets: ImageNet's mean and standard deviation (torchvision), Inception's [-1, 1], EfficientNet-Lite's own."""


def preprocess(image: Image, how: Preprocess) -> NDArray[np.float32]:
    """Return the image as a float32 array without batch dimension.

    Args:
        image: uint8, height x width x channels.
        how: The steps; `how.layout` is the layout of the result.
    """
    pixels = _geometry(_channels(image, how.channels), how)
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
    if how.resize is not None and min(image.shape[:2]) != how.resize:
        image = _resize(image, how.resize)
    if how.crop is not None:
        top, left = ((size - how.crop) // 2 for size in image.shape[:2])
        if top < 0 or left < 0:
            raise UsageError(f"cannot crop {how.crop} px from {image.shape[0]}x{image.shape[1]}: set resize=")
        image = image[top : top + how.crop, left : left + how.crop]
    edge = (how.pad, how.pad)
    return np.pad(image, (edge, edge, (0, 0))) if how.pad else image


def _resize(image: Image, shorter: int) -> Image:
    from PIL import Image as Pillow

    height, width = image.shape[:2]
    factor = shorter / min(height, width)
    size = (max(shorter, round(width * factor)), max(shorter, round(height * factor)))
    squeezed = image[:, :, 0] if image.shape[2] == 1 else image
    resized = np.asarray(Pillow.fromarray(squeezed).resize(size, Pillow.Resampling.BICUBIC), np.uint8)
    return resized[:, :, None] if resized.ndim == 2 else resized


def parse(text: str, layout: str, channels: int) -> Preprocess:
    """Read the text of `--preprocess`.

    Args:
        text: A preset, settings, or both: 'imagenet', 'unit,resize=32', 'mean=0.5:0.5:0.5,std=0.5'.
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
    try:
        if key in ("mean", "std"):
            return key, tuple(float(number) for number in value.split(":"))
        if key in ("resize", "crop", "pad", "channels"):
            return key, int(value)
        if key == "scale":
            return key, float(value)
    except ValueError as error:
        raise UsageError(f"preprocessing setting '{item}': {error}") from error
    raise UsageError(f"unknown preprocessing setting '{item}'", "known: resize, crop, pad, channels, scale, mean, std")
