"""What a model family is, and how its variants are named.

A variant's name is ``family-width-resolution``: ``mobilenet_v2-0.35-32``. Small resolutions are the embedded
nets (Fashion-MNIST: one grey channel, ten classes); the others are the published ImageNet nets.
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
"""Pixels: inputs up to this edge are too small for the published stem, which halves at once."""

_NAME = re.compile(r"(?P<family>[a-z0-9_]+)-(?P<width>\d+(?:\.\d+)?)-(?P<resolution>\d+)")


@dataclass(frozen=True)
class ModelVariant:
    """One net of a family: channel multiplier ``width`` and input edge ``resolution`` in pixels."""

    family: str
    width: float
    resolution: int

    @classmethod
    def parse(cls, name: str) -> ModelVariant:
        """``mobilenet_v2-0.35-32`` to a variant; UsageError where the name has another form."""
        match = _NAME.fullmatch(name)
        if not match:
            raise UsageError(f"{name!r} is no model name", "write family-width-resolution, as mobilenet_v2-0.35-32")
        return cls(match["family"], float(match["width"]), int(match["resolution"]))

    def __str__(self) -> str:
        return f"{self.family}-{self.width}-{self.resolution}"

    @property
    def embedded(self) -> bool:
        """Whether this is a net for small grey pictures rather than the published one."""
        return self.resolution <= EMBEDDED_MAX_RESOLUTION

    @property
    def channels(self) -> int:
        """Input channels: 1 grey or 3 RGB."""
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
    """Counts of a published net, to check ours against.

    ``parameters`` is exact, as in ``source`` (weights, biases, batch norm scale and shift); ``paper_parameters``
    and ``paper_macs`` (multiply-adds for one image) are the rounded figures of ``paper_source``. Where ours differ
    from those by more than 2 %, ``note`` says why.
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
    """A family of nets: facts as class attributes, and ``net`` to build a variant in torch."""

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    """arXiv identifier."""
    widths: ClassVar[tuple[float, ...]]
    resolutions: ClassVar[tuple[int, ...]]
    published: ClassVar[tuple[PublishedCounts, ...]]

    @abstractmethod
    def net(self, variant: ModelVariant) -> nn.Module:
        """Build the net with fresh weights: N x channels x H x W floats to N x classes logits. Needs torch."""


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of ``divisor`` that is no more than 10 % below ``channels``.

    The rule of the MobileNet and EfficientNet reference code (``_make_divisible``, ``round_filters``).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
