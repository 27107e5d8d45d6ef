"""ONNX Runtime, one plug-in per execution provider."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
