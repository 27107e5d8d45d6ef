"""Benchmark deep learning at the edge: the Python API, and the command `edgebench`.

    import edgebench as eb

    results = eb.benchmark("my.onnx", data="photos/", compress="int8-static")
    results.frame                                  # a pandas table with a row per case
    eb.recommend(results, max_latency="20ms")

`docs/python.md` describes it. Importing this module loads nothing else: each name is imported when it is used, after a
check that `harness`, `reports`, `suites` and `targets` are the packages of this distribution. `edgebench.plugin` has
what an extension imports. Modules whose name begins with an underscore may change in any version.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edgebench._guard import foreign_message, foreign_packages, refuse_foreign

if TYPE_CHECKING:
    from edgebench._comparing import AbResult as AbResult
    from edgebench._comparing import ab as ab
    from edgebench._comparing import compare as compare
    from edgebench._measuring import benchmark as benchmark
    from edgebench._measuring import run as run
    from edgebench._results import Results as Results
    from edgebench._results import read as read
    from edgebench._results import recommend as recommend
    from edgebench._targets import targets as targets
    from harness.core.errors import DataError as DataError
    from harness.core.errors import DescriptorError as DescriptorError
    from harness.core.errors import EdgebenchError as EdgebenchError
    from harness.core.errors import ModelError as ModelError
    from harness.core.errors import NothingMeasured as NothingMeasured
    from harness.core.errors import RecordError as RecordError
    from harness.core.errors import ScenarioError as ScenarioError
    from harness.core.errors import SetupError as SetupError
    from harness.core.errors import StoreError as StoreError
    from harness.core.errors import UnknownName as UnknownName
    from harness.core.errors import UsageError as UsageError

    __version__: str

_NAMES = {
    "edgebench._comparing": ("AbResult", "ab", "compare"),
    "edgebench._measuring": ("benchmark", "run"),
    "edgebench._results": ("Results", "read", "recommend"),
    "edgebench._targets": ("targets",),
    "harness.core.errors": (
        *("DataError", "DescriptorError", "EdgebenchError", "ModelError", "NothingMeasured", "RecordError"),
        *("ScenarioError", "SetupError", "StoreError", "UnknownName", "UsageError"),
    ),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = ["__version__", *sorted(_MODULES)]  # noqa: PLE0604 - the names of a table


def __getattr__(name: str) -> Any:
    """Import a name of the API from where it is defined; ImportError where a package is not this distribution's."""
    if name == "pytest_plugin":
        return _pytest_plugin()
    if name == "__version__":
        from importlib.metadata import version

        return version("edgebench")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    refuse_foreign()
    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "plugin"]


def _pytest_plugin() -> ModuleType:
    """Return what pytest loads in every session of the environment, whatever `harness` is there.

    Where that package is another's, the plug-in comes from its file, and refuses to collect anything of ours.
    """
    if not foreign_packages():
        return import_module("harness.pytest_plugin")
    file = Path(__file__).resolve().parents[1] / "harness" / "pytest_plugin.py"
    spec = spec_from_file_location("edgebench_pytest_plugin", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    plugin = module_from_spec(spec)
    spec.loader.exec_module(plugin)
    return plugin


def main() -> int:
    """Run the command line and return its exit code."""
    if message := foreign_message():
        print(message, file=sys.stderr)
        return 2
    from harness.cli import main as run_command

    return run_command(sys.argv[1:])
