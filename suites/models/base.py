"""The base class of model families, and the names of their variants.

A variant is named family-width-resolution, such as `mobilenet_v2-0.35-32`. Variants with small resolutions are the
embedded nets (Fashion-MNIST: one grey channel, ten classes); the others are the published ImageNet nets.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

EMBEDDED_MAX_RESOLUTION = 64
"""Largest input edge of embedded nets in pixels, too small for the published stem, which halves at once."""

_NAME = re.compile(r"(?P<family>[a-z0-9_]+)-(?P<width>\d+(?:\.\d+)?)-(?P<resolution>\d+)")


@dataclass(frozen=True)
class ModelVariant:
    """A net of a family.

    Attributes:
        family: Name of the family.
        width: Multiplier of the channels.
        resolution: Edge of the input in pixels.
    """

    family: str
    width: float
    resolution: int

    @classmethod
    def parse(cls, name: str) -> ModelVariant:
        """Return the variant of a name such as `mobilenet_v2-0.35-32`.

        Raises:
            UsageError: The name has another form.
        """
        match = _NAME.fullmatch(name)
        if not match:
            raise UsageError(
                f"{name!r} is not a model name", "write family-width-resolution, such as mobilenet_v2-0.35-32"
            )
        return cls(match["family"], float(match["width"]), int(match["resolution"]))

    def __str__(self) -> str:
        return f"{self.family}-{self.width}-{self.resolution}"

    @property
    def embedded(self) -> bool:
        """Whether it is a net for small grey images, not the published one."""
        return self.resolution <= EMBEDDED_MAX_RESOLUTION

    @property
    def channels(self) -> int:
        """Input channels: 1 (grey) or 3 (RGB)."""
        return 1 if self.embedded else 3

    @property
    def classes(self) -> int:
        """Outputs: 10 (Fashion-MNIST) or 1000 (ImageNet)."""
        return 10 if self.embedded else 1000

    @property
    def stem_stride(self) -> int:
        """Stride of the first convolution: 2 as published, 1 for embedded nets."""
        return 1 if self.embedded else 2

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of one image."""
        return self.channels, self.resolution, self.resolution


@dataclass(frozen=True)
class PublishedCounts:
    """Published counts of a net, which ours are checked against.

    Attributes:
        width: Width of the variant.
        resolution: Resolution of the variant.
        parameters: Exact number of weights, biases and scales and shifts of batch normalisation, as in `source`.
        source: The implementation that `parameters` comes from.
        paper_parameters: Rounded number of parameters in `paper_source`.
        paper_macs: Rounded multiply-accumulates for one image in `paper_source`.
        paper_source: The publication.
        note: Why ours differ from the publication by more than 2 %; '' where they do not.
    """

    width: float
    resolution: int
    parameters: int
    source: str
    paper_parameters: float
    paper_macs: float
    paper_source: str
    note: str = ""


class ModelFamily(ABC):
    """A family of nets.

    Attributes:
        name: Name of the family in variants.
        title: Name for people.
        paper: arXiv identifier.
        widths: Widths of the published and shipped nets.
        resolutions: Resolutions of the published and shipped nets.
        published: Published counts.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    widths: ClassVar[tuple[float, ...]]
    resolutions: ClassVar[tuple[int, ...]]
    published: ClassVar[tuple[PublishedCounts, ...]]

    @abstractmethod
    def net(self, variant: ModelVariant) -> nn.Module:
        """Build a variant with initial weights in torch: N x channels x H x W floats to N x classes logits."""


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Return the nearest multiple of `divisor` that is at most 10 % below `channels`.

    This is the rule of the MobileNet and EfficientNet reference code (`_make_divisible`, `round_filters`).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
