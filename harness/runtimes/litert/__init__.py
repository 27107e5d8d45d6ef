"""LiteRT (TensorFlow Lite): with XNNPACK, without a delegate, or with a vendor's delegate library."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
