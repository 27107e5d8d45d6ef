"""ncnn on the CPU."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
