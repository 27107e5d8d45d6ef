"""The accuracy pass: outputs for every labelled image, apart from timing, several processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.case import Case
from harness.core.errors import DataError
from harness.core.quantity import Missing, Quantity, Value
from harness.datasets.label_mapping import LabelMapping
from harness.measure.prepared import PreparedCase, side_by_side
from harness.measure.protocol import Job, StoppingRule
from harness.stats import mcnemar, output_quality
from harness.stats.proportions import paired_difference

from .worker_process import Answer, WorkerFailure, run_worker

NAMES = ("top1", "top5", "n_images", "agreement", "sqnr_db", "mcnemar_p", "top1_difference")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class CaseOutputs:
    """The outputs of a model for labelled images.

    Attributes:
        outputs: Images x classes, float32.
        labels: As `harness.datasets.label_mapping.label_array` returns them.
        classes: Number of classes of the data set.
        unscored: Why nothing can be scored: outputs that are not finite, or labels of other classes; empty if it can.
        parts: Name and size of each part of the data set, in order.
        places: Of a pass that could end early, the positions of its images in the data set, ascending; else None.
        stop: Of such a pass, the outcome of `harness.measure.worker.accuracy.EarlyStopping`.
    """

    outputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    unscored: str = ""
    parts: tuple[tuple[str, int], ...] = ()
    places: NDArray[np.int64] | None = None
    stop: Mapping[str, Any] = field(default_factory=dict)

    def at(self, places: NDArray[np.int64] | None) -> CaseOutputs:
        """Return the outputs of some images alone; for None, of all."""
        if places is None:
            return self
        return replace(self, outputs=self.outputs[places], labels=self.labels[places], places=places)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """For each image, whether the best class is its label."""
        return output_quality.hits(self.outputs, self.labels)


class AccuracyPass:
    """Runs accuracy passes and keeps their outputs, since one fp32 model is the baseline of many cases."""

    def __init__(self, scratch: Path, margin: float | None = None) -> None:
        self._scratch = scratch
        self._margin = margin
        self._known: dict[Key, CaseOutputs | WorkerFailure] = {}

    def run(self, cases: Iterable[PreparedCase], references: Mapping[Case, PreparedCase] | None = None) -> None:
        """Run the passes that have not run yet, one process per core: this pass is not timed.

        With a `margin`, a case ends once its difference to its fp32 model in `references` is decided; those run first.
        """
        todo = {_key(case): case for case in cases if case.labelled and _key(case) not in self._known}
        against = {key: ref for key, case in todo.items() if (ref := (references or {}).get(case.case))}
        early = {key for key, ref in against.items() if self._margin is not None and key != _key(ref)}
        self._pass_all({key: case for key, case in todo.items() if key not in early}, {})
        stops = {key: stop for key in early if (stop := self._stop(against[key]))}
        self._pass_all({key: case for key, case in todo.items() if key in early}, stops)

    def _pass_all(self, todo: Mapping[Key, PreparedCase], stops: Mapping[Key, StoppingRule]) -> None:
        jobs = {key: replace(self._job(case), stop=stops.get(key)) for key, case in todo.items()}
        times = [case.timeout_s for case in todo.values()]
        with ThreadPoolExecutor(side_by_side(todo.values())) as pool:
            for key, answer in zip(jobs, pool.map(run_worker, jobs.values(), times), strict=True):
                self._known[key] = answer if isinstance(answer, WorkerFailure) else _scored(answer)

    def _job(self, case: PreparedCase) -> Job:
        out = self._scratch / f"accuracy-{case.case.slug}-{case.artifact.sha256[:12]}"
        return case.job("accuracy", out, seed=0)

    def _stop(self, reference: PreparedCase) -> StoppingRule | None:
        """Return what a case is compared with while it runs; None without fp32 scores: it then runs to its end."""
        scored = self._known.get(_key(reference))
        if not isinstance(scored, CaseOutputs) or scored.unscored or self._margin is None:
            return None
        file = self._scratch / f"reference-{reference.case.slug}-{reference.artifact.sha256[:12]}.npz"
        np.savez(file, hits=scored.hits, labels=scored.labels)
        return StoppingRule(str(file.resolve()), scored.outputs.shape[1], self._margin)

    def of(self, case: PreparedCase) -> CaseOutputs | WorkerFailure:
        """Return the outputs of a case, or the failure of its pass; KeyError for a case that `run` was not given."""
        return self._known[_key(case)]

    def metrics(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Quantity]:
        """Return every accuracy metric of the case, compared with the fp32 `reference` on the same runtime."""
        if case.labelled is None:
            return _all(Missing(case.unlabelled or "no labelled images: give some with --data"))
        own = self._known[_key(case)]
        if isinstance(own, WorkerFailure):
            return _all(Missing(f"the accuracy pass ended as {own.verdict.status}: {own.verdict.reason}"))
        if own.unscored:
            return _all(Missing(own.unscored))
        return {
            "top1": output_quality.accuracy(own.outputs, own.labels, 1),
            "top5": output_quality.accuracy(own.outputs, own.labels, 5),
            "n_images": Value(len(own.labels)),
            **self._fidelity(case, own, reference),
        }

    def _fidelity(self, case: PreparedCase, own: CaseOutputs, reference: PreparedCase | None) -> dict[str, Quantity]:
        names = ("agreement", "sqnr_db", "mcnemar_p", "top1_difference")
        if reference is None:
            return dict.fromkeys(names, Missing("no fp32 net to compare with"))
        if _key(reference) == _key(case):
            return dict.fromkeys(names, Missing("the reference: others are compared with this fp32 net"))
        known = self._known.get(_key(reference))
        if not isinstance(known, CaseOutputs):
            return dict.fromkeys(names, Missing("the accuracy pass of the fp32 net failed"))
        if known.unscored:
            return dict.fromkeys(names, Missing(f"of the fp32 net: {known.unscored}"))
        ref = known.at(own.places)
        alike = own.outputs.shape == ref.outputs.shape
        other = Missing(f"{own.outputs.shape[1]} outputs, the fp32 net has {ref.outputs.shape[1]}")
        return {
            "agreement": output_quality.agreement(own.outputs, ref.outputs) if alike else other,
            "sqnr_db": output_quality.sqnr_db(own.outputs, ref.outputs) if alike else other,
            "mcnemar_p": Value(mcnemar(*output_quality.discordant(own.hits, ref.hits)), n=len(own.hits)),
            "top1_difference": _difference(own, ref),
        }

    def details(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Any]:
        """Return what the record keeps beside the metrics: name and counts, by part and against `reference`."""
        own = self._known.get(_key(case))
        if case.labelled is None or not isinstance(own, CaseOutputs) or own.unscored:
            return {}
        ref = self._known.get(_key(reference)) if reference else None
        against = None
        if isinstance(ref, CaseOutputs) and ref is not own and not ref.unscored:
            against = output_quality.discordant(own.hits, ref.at(own.places).hits)
        return {
            "name": case.labelled.figure,
            "right": int(own.hits.sum()),
            "n": len(own.hits),
            "parts": dict(_by_part(own)),
            **({"stop": own.stop} if own.stop else {}),
            **({"right_here_alone": against[0], "right_in_fp32_alone": against[1]} if against else {}),
        }


def _by_part(scored: CaseOutputs) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the right answers of each part; of a part cut by a limit on the images, those of what is left."""
    start = 0
    places = np.arange(len(scored.hits)) if scored.places is None else scored.places
    for name, size in scored.parts:
        hits = scored.hits[(places >= start) & (places < start + size)]
        start += size
        yield name, {"right": int(hits.sum()), "n": len(hits)}


def _key(case: PreparedCase) -> Key:
    return case.artifact.sha256, case.runtime, repr(case.labelled)


def _scored(answer: Answer) -> CaseOutputs:
    mapping = LabelMapping(**answer.result["label_mapping"])
    parts = tuple((name, size) for name, size in answer.result["parts"])
    outputs, labels, unscored = answer.arrays["outputs"], answer.arrays["labels"], ""
    try:
        labels = mapping.fit(labels, outputs.shape[1])
    except DataError as error:
        unscored = error.message
    if broken := output_quality.not_finite(outputs):
        unscored = broken.reason
    stop = answer.result["stop"]
    return CaseOutputs(
        outputs, labels, mapping.classes, unscored, parts, answer.arrays["places"] if stop else None, stop
    )


def _difference(own: CaseOutputs, reference: CaseOutputs) -> Value:
    """Return top-1 minus fp32's on the same images, with its paired interval.

    The interval of a pass that could end early has the level of its last look.
    """
    alone, in_reference = output_quality.discordant(own.hits, reference.hits)
    n = len(own.hits)
    lo, hi = paired_difference(in_reference, alone, n, own.stop.get("level", 0.95))
    return Value((alone - in_reference) / n, lo, hi, n)


def _all(missing: Missing) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, missing)
