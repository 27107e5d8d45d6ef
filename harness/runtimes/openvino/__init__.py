"""OpenVINO on its devices."""

from .adapter import PLUGINS

__all__ = ["PLUGINS"]
