"""The installed runtimes: the default ones, and a probe of their libraries in a process of its own.

`python -m harness.runtimes.installed NAME...` prints what each library says of itself; one that crashes when it is
imported takes nothing else with it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Sequence
from typing import Any

from harness.core import plugins
from harness.core.artifact import SHIPPED_FORMATS

from .base import Adapter, SessionError


def main(names: Sequence[str]) -> int:
    """Print one JSON object per line as each runtime is probed, so that a crash loses only it and those after it."""
    for name in names:
        with contextlib.redirect_stdout(io.StringIO()):
            facts = probe(plugins.load("runtimes", name))
        print(json.dumps({"runtime": name, **facts}), flush=True)
    return 0


def probe(runtime: Adapter) -> dict[str, Any]:
    """Return the facts of the runtime's library, or its `problem` with the `remedy`."""
    try:
        return runtime.probe()
    except SessionError as error:
        return {"problem": str(error), "remedy": error.remedy}
    except Exception as error:  # whatever a broken installation raises is the answer
        return {"problem": f"{type(error).__name__}: {error}", "remedy": "install it again"}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))


def by_preference() -> list[tuple[str, Adapter]]:
    """Return every runtime that runs by default, those of shipped formats first."""
    default = [pair for pair in plugins.load_all("runtimes").items() if pair[1].capability.by_default]
    return sorted(default, key=lambda pair: (SHIPPED_FORMATS.isdisjoint(pair[1].formats), pair[0]))
