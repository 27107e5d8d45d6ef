"""Note which files a Python process enters; `main_path.py` puts this folder on PYTHONPATH.

A file is imported when its module is executed, and called when one of its functions is, imports in progress aside.
Each process writes `<phase>-<pid>.json` into the folder that EDGEBENCH_ENTERED names; the phase of a worker is the one
in its `job.json`, that of every other process is 'command'.
"""

import atexit
import inspect
import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

imported: set[str] = set()
called: set[str] = set()
importing = 0  # modules being executed, of which the main one is none


def note(frame: FrameType, event: str, _: Any) -> None:
    """Take in one event of `sys.setprofile`."""
    global importing  # noqa: PLW0603 - a profile function has no other state
    code = frame.f_code
    if code.co_name == "<module>":
        if event in ("call", "return"):
            is_main = frame.f_globals.get("__name__") == "__main__"
            importing = 0 if is_main else importing + (1 if event == "call" else -1)
            imported.add(code.co_filename)
    elif event == "call" and importing == 0 and code.co_flags & inspect.CO_OPTIMIZED:  # no class body
        called.add(code.co_filename)


def write() -> None:
    """Write what was noted."""
    sys.setprofile(None)
    job = Path("job.json")
    phase = json.loads(job.read_text(encoding="utf-8"))["phase"] if job.is_file() else "command"
    text = json.dumps({"imported": sorted(imported), "called": sorted(called)})
    Path(os.environ["EDGEBENCH_ENTERED"], f"{phase}-{os.getpid()}.json").write_text(text, encoding="utf-8")


atexit.register(write)
threading.setprofile(note)
sys.setprofile(note)
