"""Which runtimes are installed, and what `python -m harness.runtimes.installed NAME...` prints of their libraries.

In a process of its own, so that a library that crashes when it is imported takes nothing else with it.

Which runtimes are meant where the user names none.
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
    """Print one JSON object a line, as each runtime is done: a crash loses that one and those behind it."""
    for name in names:
        with contextlib.redirect_stdout(io.StringIO()):
            found = probe(plugins.load("runtimes", name))
        print(json.dumps({"runtime": name, **found}), flush=True)
    return 0


def probe(runtime: Adapter) -> dict[str, Any]:
    """What the runtime's library tells, or `problem` with its `remedy`."""
    try:
        return runtime.probe()
    except SessionError as error:
        return {"problem": str(error), "remedy": error.remedy}
    except Exception as error:  # whatever a broken installation raises is the answer
        return {"problem": f"{type(error).__name__}: {error}", "remedy": "install it again"}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))


def by_preference() -> list[tuple[str, Adapter]]:
    """Every runtime that need not be asked for by name, those of the formats that are shipped first."""
    found = [(name, one) for name, one in plugins.load_all("runtimes").items() if one.capability.by_default]
    return sorted(found, key=lambda pair: (SHIPPED_FORMATS.isdisjoint(pair[1].formats), pair[0]))
