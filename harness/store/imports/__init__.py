"""Import results of other tools as records that name their source.

    pytest-benchmark   its JSON                             samples, if they were saved
    pyperf             its JSON                             samples of each process
    benchmark_model    output of TFLite's tool              a summary
    benchmark_app      OpenVINO's report: JSON, CSV, text   a summary

Each has a module with `recognises(text)` and `parse(text)`. Percentiles are computed from samples; a record without
samples says 'summary only'. No imported figure is 'precise', since warm-up, load and clock were not observed.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from harness.core.errors import RecordError, UnknownName

from .records import ParsedRun

SOURCES = ("pytest-benchmark", "pyperf", "benchmark_model", "benchmark_app")


def read(path: Path | str, source: str | None = None) -> ParsedRun:
    """Read the result of another tool.

    Args:
        path: The file.
        source: One of `SOURCES`; None recognises the tool by the contents.

    Raises:
        UnknownName: There is no such source.
        RecordError: The file cannot be read, or is not a result of the source.

    """
    path = Path(path)
    if source is not None and source not in SOURCES:
        raise UnknownName("source", source, SOURCES)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "not a text file"
        raise RecordError(f"{path}: {cause}", f"give a result of {', '.join(SOURCES)}") from None
    for name in [source] if source else SOURCES:
        module = import_module(f".{name.replace('-', '_')}", __name__)
        if module.recognises(text):
            return _parsed(module.parse, text, path, name)
    raise RecordError(
        f"{path}: not a result of {source or ', '.join(SOURCES)}", "check that it is the unchanged output of the tool"
    )


def _parsed(parse: object, text: str, path: Path, source: str) -> ParsedRun:
    try:
        run: ParsedRun = parse(text)  # type: ignore[operator]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RecordError(
            f"{path}: cannot be parsed as a result of {source}: {type(error).__name__}: {error}",
            "check that it is complete",
        ) from None
    if not run.cases:
        raise RecordError(f"{path}: a result of {source} without figures", "check whether the tool failed")
    return run
