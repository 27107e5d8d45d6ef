"""What can be fetched: what it is, where it lies, whether it is there, and how it is brought."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar


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
