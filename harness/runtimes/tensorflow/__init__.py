"""TensorFlow on the CPU: SavedModel folders and .keras files."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
