"""Google's Edge TPU (Coral) through LiteRT and the delegate libedgetpu."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
