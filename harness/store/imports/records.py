"""The conversion of another tool's result into a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import RecordError, UsageError
from harness.core.files import numbered, put_in_place, unfinished_folder
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, iso, microseconds, utc_now
from harness.core.record import Record, RunHeader
from harness.core.verdict import Verdict
from harness.store.runfolder import RunFolder

from .parsed import ParsedCase, ParsedRun, clean

SUMMARY_ONLY = "summary only"


def import_run(
    parsed: ParsedRun,
    file: Path,
    out: Path,
    target: str,
    command: Sequence[str] = (),
    *,
    number: bool = False,
) -> RunFolder:
    """Write a parsed result into a new run folder, which appears whole or not at all.

    A case that occurs several times is written as often, with its model numbered.

    Args:
        parsed: The result.
        file: The file that it was read from.
        out: Path of the new run folder.
        target: Name of the machine that was measured.
        command: Command line of the import.
        number: Whether an `out` that exists gets a number.

    Raises:
        UsageError: `out` exists and is not an empty folder.
        RecordError: What was written cannot be read back.

    """
    parsed = dataclasses.replace(parsed, cases=_numbered(parsed.cases))
    with unfinished_folder(out) as unfinished:
        run = RunFolder.create(unfinished, _header(parsed, file, target, command))
        for case in parsed.cases:
            run.append(_record(run, parsed, case, file))
        for problem in run.contents().damaged.values():
            raise RecordError(f"{file}: cannot be kept as a run: {problem}", "report this with the file")
        for place in numbered(out) if number else (out,):
            if put_in_place(unfinished, place):
                return RunFolder(place)
    raise UsageError(f"{out} already exists", "choose another --out, or an empty folder")


def _numbered(cases: Sequence[ParsedCase]) -> list[ParsedCase]:
    """Return the cases with a number behind the model of each whose id occurred before."""
    known: set[str] = set()
    numbered = []
    for parsed in cases:
        models = (parsed.case.model, *(f"{parsed.case.model} ({number})" for number in range(2, len(cases) + 1)))
        named = (dataclasses.replace(parsed.case, model=model) for model in models)
        case = next(case for case in named if case.id not in known)
        known.add(case.id)
        numbered.append(parsed if case == parsed.case else dataclasses.replace(parsed, case=case))
    return numbered


def _header(parsed: ParsedRun, file: Path, target: str, command: Sequence[str]) -> RunHeader:
    now = utc_now()
    started, origin = _started(parsed, file)
    unknown = {"reason": f"{parsed.source} does not say"}
    return RunHeader(
        run_id=f"{now[:19].replace('-', '').replace(':', '')}-{uuid.uuid4().hex[:6]}",
        suite=f"import:{parsed.source}",
        target=target,
        profile="imported",
        started_utc=started,
        planned=tuple(case.case.id for case in parsed.cases),
        command=tuple(command),
        seed=0,
        host={"machine_id": None, **parsed.host},
        versions=dict(parsed.versions),
        ended_utc=now,
        provenance={
            "source": {
                "tool": parsed.source,
                "file": file.name,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                **({"refused": {one.name: one.reason for one in parsed.refused}} if parsed.refused else {}),
            },
            "started": origin,
            "repository": {"commit": parsed.commit, "dirty": unknown} if parsed.commit else unknown,
        },
    )


def _record(run: RunFolder, parsed: ParsedRun, case: ParsedCase, file: Path) -> Record:
    header = run.header()
    details: dict[str, Any] = {"source": parsed.source, "file": file.name, "notes": dict(case.notes)}
    details["summary_only"] = not case.processes
    if case.processes:
        details["samples"] = _store_samples(run, case.processes)
    return Record(
        run_id=header.run_id,
        case_id=case.case.id,
        case=case.case,
        target=header.target,
        verdict=_verdict(parsed.source, case),
        metrics=_metrics(parsed.source, case),
        started_utc=header.started_utc,
        duration_s=sum(map(sum, case.processes)) / 1e9,
        runtime_info={"library": parsed.source, **parsed.versions},
        details=details,
    )


def _store_samples(run: RunFolder, processes: Sequence[Sequence[float]]) -> Mapping[str, Any]:
    """Store samples in integer nanoseconds with the index of their process."""
    samples = np.rint(np.concatenate([np.asarray(part) for part in processes])).astype(np.int64)
    origin = np.repeat(np.arange(len(processes)), [len(part) for part in processes])
    sha256, n = run.put_blob({"wall_ns": samples, "process": origin})
    return {"name": "latency", "sha256": sha256, "n": n, "unit": "ns"}


def _verdict(source: str, case: ParsedCase) -> Verdict:
    reason = f"imported from {source}: warm-up, load and clock were not observed"
    remedy = "measure the model here: edgebench run --model FILE"
    return Verdict("imprecise", reason if case.processes else f"{reason}; {SUMMARY_ONLY}", remedy)


def _metrics(source: str, case: ParsedCase) -> dict[str, Quantity]:
    reason = f"{source} does not report it" if case.processes else f"{SUMMARY_ONLY}: {source} stored no samples"
    return {name: case.metrics.get(name, Missing(reason)) for name in METRICS}


def _started(parsed: ParsedRun, file: Path) -> tuple[str, str]:
    """Return when the run started, in UTC, and where that is known from; a time without a zone is taken for UTC."""
    why = "the tool does not record it"
    if parsed.started_utc is not None:
        try:
            if (time_us := microseconds(parsed.started_utc)) >= 0:
                return iso(time_us), "from the file"
        except (TypeError, ValueError, OverflowError):
            pass
        why = f"the file has none that can be read: {clean(str(parsed.started_utc))}"
    modified = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).isoformat()
    return iso(microseconds(modified)), f"modification time of the file: {why}"
