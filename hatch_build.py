"""Build hook of hatchling: a wheel has the shipped models in packs. An editable installation has the files."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ARTIFACTS = "suites/artifacts"


class PackModels(BuildHookInterface[Any]):
    """Adds the packs to a wheel, whose `exclude` in pyproject.toml leaves the files out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the packs."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        artifacts = Path(self.root) / _ARTIFACTS
        packing = _packing(artifacts)
        for name, files in packing.packs(artifacts).items():
            out = Path(self._folder.name) / f"{name}.tar.xz"
            packing.write_pack(files, artifacts, out)
            build_data["force_include"][str(out)] = f"{_ARTIFACTS}/packs/{out.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was written: the wheel has it now."""
        if version != "editable":
            self._folder.cleanup()


def _packing(artifacts: Path) -> ModuleType:
    """Return `suites.artifacts.packing` without its packages, which import what a build lacks."""
    spec = importlib.util.spec_from_file_location("packing", artifacts / "packing.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{artifacts / 'packing.py'} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
