"""What a nightly run found: the verdicts that it keeps in its run folder and beside its store."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.record import RunHeader

from .data import RunReader
from .text import clean


@dataclass(frozen=True)
class Night:
    """The findings of one night.

    Attributes:
        headline: Their counts, or that nothing was judged: 'night 1 of 5: not judged yet'.
        findings: 'kind: case: what was found', the most severe first, without what did not last.

    """

    headline: str
    findings: tuple[str, ...]


def night_of(reader: RunReader) -> Night | None:
    """Return what a night found; None for a run that was no night, or whose verdicts cannot be read."""
    path = _verdicts(reader)
    try:
        return None if path is None else _night(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def commit_of(header: RunHeader) -> str:
    """Return the short commit of the repository that a run measured; '' where it is unknown."""
    repository = header.provenance.get("repository")
    commit = repository.get("commit") if isinstance(repository, Mapping) else None
    return clean(str(commit))[:10] if commit else ""


def _verdicts(reader: RunReader) -> Path | None:
    """Return the file of the verdicts: in the run folder, or in the folder of the store, by the id of the run."""
    if (folder := getattr(reader, "path", None)) is not None:
        return Path(folder) / "verdicts.json"
    store, run_id = getattr(reader, "store", None), str(getattr(reader, "run_id", ""))
    if store is None or Path(run_id).name != run_id:
        return None
    nights = Path(store.location.folder) / "nightly"
    return next(nights.glob(f"*/{glob.escape(run_id)}.json"), None)


def _night(document: Mapping[str, Any]) -> Night:
    lasting = [outcome for outcome in document["outcomes"] if outcome["kind"] != "transient"]
    findings = (
        ": ".join(str(part) for part in (outcome["kind"], _series(outcome), outcome.get("sentence")) if part)
        for outcome in lasting
    )
    return Night(clean(str(document["headline"])), tuple(map(clean, findings)))


def _series(outcome: Mapping[str, Any]) -> str:
    """Return what an outcome is about: its case and metric; '' for the machine."""
    return str(
        outcome.get("series") or " ".join(str(outcome.get(name) or "") for name in ("case_id", "metric"))
    ).strip()
