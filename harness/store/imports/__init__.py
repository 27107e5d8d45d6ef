"""Import results of other tools as records that name their source.

    pytest-benchmark   its JSON                             samples, if they were saved
    pyperf             its JSON                             samples of each process
    benchmark_model    output of TFLite's tool              a summary
    benchmark_app      OpenVINO's report: JSON, CSV, text   a summary

Each has a module with `recognises(text)` and `parse(text)`. A case whose figures cannot be used is refused with the
reason, the others are imported. Percentiles are computed from samples; a record without
samples says 'summary only'. No imported figure is 'precise', since warm-up, load and clock were not observed.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from harness.core.errors import RecordError, UnknownName

from .parsed import PARSE_ERRORS, ParsedRun, reason_of
from .text import read_text

SOURCES = ("pytest-benchmark", "pyperf", "benchmark_model", "benchmark_app")


def read(path: Path | str, source: str | None = None) -> ParsedRun:
    """Read the result of another tool.

    Args:
        path: The file.
        source: One of `SOURCES`; None recognises the tool by the contents.

    Raises:
        UnknownName: There is no such source.
        RecordError: The file cannot be read, is not a result of the source, or no case of it has usable figures.

    """
    path = Path(path)
    if source is not None and source not in SOURCES:
        raise UnknownName("source", source, SOURCES)
    tools = source or ", ".join(SOURCES)
    text = read_text(path, tools)
    for name in [source] if source else SOURCES:
        module = import_module(f".{name.replace('-', '_')}", __name__)
        try:
            run: ParsedRun | None = module.parse(text) if module.recognises(text) else None
        except PARSE_ERRORS as error:
            raise RecordError(
                f"{path}: cannot be parsed as a result of {tools}: {reason_of(error)}", "check that it is complete"
            ) from None
        if run is not None:
            return _with_cases(run, path)
    raise RecordError(f"{path}: not a result of {tools}", "check that it is the unchanged output of the tool")


def _with_cases(run: ParsedRun, path: Path) -> ParsedRun:
    """Return the run; RecordError with the reasons where no case is left."""
    if not run.cases and not run.refused:
        raise RecordError(f"{path}: a result of {run.source} without figures", "check whether the tool failed")
    if not run.cases:
        reasons = "\n  ".join(map(str, run.refused))
        raise RecordError(
            f"{path}: cannot be parsed as a result of {run.source}, no case has usable figures:\n  {reasons}",
            "check whether the tool failed",
        )
    return run
