"""Results of other tools as ordinary records, marked with where they come from.

    pytest-benchmark   its JSON                             samples, where it was saved with them
    pyperf             its JSON                             samples, process by process
    benchmark_model    what TFLite's tool prints            a summary
    benchmark_app      OpenVINO's report: JSON, CSV, text   a summary

One module each, with `recognises(text)` and `parse(text)`. Percentiles are reckoned anew from samples; where there are
none the record says 'summary only'. No imported figure is 'precise': nobody watched warm-up, load and clock.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from harness.core.errors import RecordError, UnknownName

from .records import ParsedRun

SOURCES = ("pytest-benchmark", "pyperf", "benchmark_model", "benchmark_app")


def read(path: Path | str, source: str | None = None) -> ParsedRun:
    """What a file holds; `source` None tells the tool by the contents.

    UnknownName for a source there is none of; RecordError for a file that cannot be read or is none of these.
    """
    path = Path(path)
    if source is not None and source not in SOURCES:
        raise UnknownName("source", source, SOURCES)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text"
        raise RecordError(f"{path}: {why}", f"give a result of {', '.join(SOURCES)}") from None
    for name in [source] if source else SOURCES:
        module = import_module(f".{name.replace('-', '_')}", __name__)
        if module.recognises(text):
            return _parsed(module.parse, text, path, name)
    raise RecordError(
        f"{path}: no result of {source or ', '.join(SOURCES)}", "look whether it is the tool's own output"
    )


def _parsed(parse: object, text: str, path: Path, source: str) -> ParsedRun:
    try:
        found: ParsedRun = parse(text)  # type: ignore[operator]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RecordError(
            f"{path}: not understood as a result of {source}: {type(error).__name__}: {error}", "was it cut off?"
        ) from None
    if not found.cases:
        raise RecordError(f"{path}: a result of {source} without a single figure", "did the tool end with an error?")
    return found
