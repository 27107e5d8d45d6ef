"""The measured child process: `python -m harness.measure.worker JOB.json PARENT`, the process id of its parent.

It imports NumPy, the runtime's library and nothing else of weight. It always ends with a `result.json`: what was
measured, or an `error` with its kind; where even that is missing the parent reads the exit status.
"""

from __future__ import annotations

import time

_FIRST_LINE_NS = time.perf_counter_ns()

import sys  # noqa: E402

from .parent import die_with_parent  # noqa: E402

if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))  # before anything that takes time

import importlib  # noqa: E402
import json  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from contextlib import suppress  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from harness.measure.protocol import Job, Phase  # noqa: E402
from harness.runtimes.base import InputError, Options, SessionError, ShapeError, TensorSpec  # noqa: E402
from harness.runtimes.inputs import concrete_shape  # noqa: E402

from . import latency as _latency  # noqa: E402, F401 - with this module, so that the runtime's own cost stands apart
from .os_counters import memory_mark, peaks  # noqa: E402
from .progress import note  # noqa: E402
from .setup import Arrays, adapter, pin_to_cpus, raise_oom_score  # noqa: E402
from .time_limit import OutOfTime  # noqa: E402

_PHASES: dict[Phase, tuple[str, str]] = {
    "inspect": ("inspection", "inspect"),
    "latency": ("latency", "latency"),
    "accuracy": ("accuracy", "accuracy"),
    "profile": ("profile", "profile"),
    "probe": ("probe", "probe"),
    "stamps": ("latency", "stamps"),
    "denormals": ("denormals", "denormals"),
    "pipeline": ("pipeline", "pipeline"),
}
"""Module and function of each; only what a latency needs is imported with this module."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do the job, write `result.json` and `arrays.npz` into its folder; 0 when measured, 1 when not."""
    raise_oom_score()
    job = Job.read(Path((argv or sys.argv[1:])[0]))
    arrays: Arrays = {}
    try:
        result, arrays = _work(job)
    except SessionError as error:
        asks = isinstance(error, InputError)
        result = {"error": "unsupported", "message": str(error), "remedy": error.remedy, "shape": asks}
    except OutOfTime as error:
        result = {"error": "timeout", "message": str(error), "remedy": error.remedy}
    except MemoryError as error:
        result = {"error": "out-of-memory", "message": str(error) or "the process could not get more memory"}
    except Exception as error:  # whatever a runtime raises is this case's result
        import traceback

        traceback.print_exc()
        result = {"error": "crashed", "message": f"{type(error).__name__}: {error}"}
    _write(Path(job.out), result, arrays)
    return 1 if "error" in result else 0


def _write(out: Path, result: dict[str, Any], arrays: Arrays) -> None:
    """Arrays first: a `result.json` promises that everything it names is there."""
    np.savez(out / "arrays.npz", **arrays)  # type: ignore[arg-type]
    partial = out / "result.json.part"
    partial.write_text(json.dumps(result), encoding="utf-8")
    partial.rename(out / "result.json")


def _work(job: Job) -> tuple[dict[str, Any], Arrays]:
    pin_to_cpus(job.affinity)
    module, function = _PHASES[job.phase]
    phase = getattr(importlib.import_module(f".{module}", __package__), function)
    runtime = adapter(job)
    before_import = time.perf_counter_ns()
    runtime.load_library()
    imported = time.perf_counter_ns()
    after_import = memory_mark()
    note(job.out, import_ns=imported - before_import)
    before_load = time.perf_counter_ns()
    session = runtime.open(Path(job.model), job.options)
    loaded = time.perf_counter_ns()
    note(job.out, load_ns=loaded - before_load)
    result = {
        "spawn_ns": _FIRST_LINE_NS - job.spawned_ns,
        "import_ns": imported - before_import,
        "load_ns": loaded - before_load,
        "after_import": after_import,
        "after_load": memory_mark(),
        "inputs": [_input(spec, job.options) for spec in session.inputs],
    }
    more, arrays = phase(session, job)
    return {**result, **peaks(), **more, "runtime_info": session.info()}, arrays


def _input(spec: TensorSpec, options: Options) -> dict[str, Any]:
    """Describe an input: its shape in the graph, and the one that is measured where the session kept to it."""
    described = {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}
    with suppress(ShapeError):
        described["measured"] = list(concrete_shape(spec, options))
    return described


if __name__ == "__main__":
    raise SystemExit(main())
