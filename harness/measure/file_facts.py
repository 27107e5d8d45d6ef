"""What the record says of a case's file: identity, making, parameters and MACs."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import ArtifactInfo
from harness.runtimes.graph_counts import Counts

from .prepared import Prepared

NOT_COUNTED = Missing("not counted")


def artifact_info(prepared: Prepared, counts: Counts | Missing) -> ArtifactInfo:
    """What the record keeps of the artifact."""
    artifact, known = prepared.artifact, _known(prepared, counts)
    return ArtifactInfo(
        file=artifact.path.name,
        format=artifact.format,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        parameters=known.parameters if isinstance(known, Counts) else None,
        macs=known.macs if isinstance(known, Counts) else None,
        recipe=dict(artifact.recipe),
        preprocess=dataclasses.asdict(artifact.preprocess) if artifact.preprocess else None,
        recipe_sha256=hashlib.sha256(json.dumps(artifact.recipe, sort_keys=True, default=str).encode()).hexdigest(),
    )


def count_metrics(prepared: Prepared, counts: Counts | Missing) -> dict[str, Quantity]:
    """The metrics 'parameters' and 'macs'."""
    known = _known(prepared, counts)
    if isinstance(known, Missing):
        return {"parameters": known, "macs": known}
    return {"parameters": Value(known.parameters), "macs": Value(known.macs)}


def _known(prepared: Prepared, counts: Counts | Missing) -> Counts | Missing:
    """The counts; where the runtime does not tell the graph those of the net that the file was made from."""
    artifact = prepared.artifact
    if isinstance(counts, Missing) and artifact.parameters is not None and artifact.macs is not None:
        return Counts(artifact.parameters, artifact.macs)
    return counts
