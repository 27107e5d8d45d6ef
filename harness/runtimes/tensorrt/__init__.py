"""TensorRT on NVIDIA GPUs and DLAs."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
