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

LEFT = 0.5
"""Least share of its parent's accuracy above chance that a net keeps, or its outputs are not the net's."""

SIGNIFICANT = 0.01
"""McNemar's p below which a loss is no chance of the images."""


@dataclass(frozen=True)
class CaseOutputs:
    """A net's outputs (images x classes, float32) and the labels as `harness.datasets.label_mapping.rows` makes them.

    `classes` is how many the data set has; `unscored` says why nothing can be scored: the outputs are not finite, or
    the labels cannot be theirs; empty where it can. `parts` are the names and sizes of what the data set was put
    together from, in order. Of a pass that could end early `places` are those of its images in the data set, ascending,
    and `stop` what `Judge` said.
    """

    outputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    unscored: str = ""
    parts: tuple[tuple[str, int], ...] = ()
    places: NDArray[np.int64] | None = None
    stop: Mapping[str, Any] = field(default_factory=dict)

    def at(self, places: NDArray[np.int64] | None) -> CaseOutputs:
        """Return the outputs of the images at `places`, of all for None."""
        if places is None:
            return self
        return replace(self, outputs=self.outputs[places], labels=self.labels[places], places=places)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """For each image, whether the best class is its label."""
        return output_quality.hits(self.outputs, self.labels)

    @property
    def names_one_class(self) -> bool:
        """Whether the best class is the same for every image."""
        return len(self.outputs) > 0 and len(np.unique(self.outputs.argmax(axis=1))) == 1


class AccuracyPass:
    """Runs accuracy passes and remembers their outputs, since one fp32 net is the reference of many cases."""

    def __init__(self, scratch: Path, margin: float | None = None) -> None:
        self._scratch = scratch
        self._margin = margin
        self._known: dict[Key, CaseOutputs | WorkerFailure] = {}

    def run(self, cases: Iterable[PreparedCase], references: Mapping[Case, PreparedCase] | None = None) -> None:
        """Run what is not known yet, one process a core: this pass is not timed.

        With a `margin` a case ends once its difference to its fp32 net of `references` is decided; those run first.
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
        """Write what a case is compared with while it runs; None without scores of fp32: it then runs to its end."""
        scored = self._known.get(_key(reference))
        if not isinstance(scored, CaseOutputs) or scored.unscored or self._margin is None:
            return None
        file = self._scratch / f"reference-{reference.case.slug}-{reference.artifact.sha256[:12]}.npz"
        np.savez(file, hits=scored.hits, labels=scored.labels)
        return StoppingRule(str(file.resolve()), scored.outputs.shape[1], self._margin)

    def of(self, case: PreparedCase) -> CaseOutputs | WorkerFailure:
        """Return the outputs of a case; KeyError for one that `run` was not given."""
        return self._known[_key(case)]

    def metrics(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Quantity]:
        """Return every accuracy metric of the case, against the fp32 `reference` on the same runtime."""
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

    def lost(self, case: PreparedCase, reference: PreparedCase | None) -> str:
        """Return that the case lost more than half of what its float parent can do; '' where it did not.

        What a net can do is its top-1 above chance. Below half of its parent's, the part that is lost is as large as
        the part that is left; so is it for a net that names one class alone. McNemar's test says that this is no chance
        of few images.
        """
        own = self._known.get(_key(case))
        parent = self._known.get(_key(reference)) if reference else None
        if not isinstance(own, CaseOutputs) or not isinstance(parent, CaseOutputs) or own is parent:
            return ""
        if own.unscored or parent.unscored or not len(own.hits):
            return ""
        parent = parent.at(own.places)
        chance = 1 / max(own.classes, 1)
        left, able = float(own.hits.mean()) - chance, float(parent.hits.mean()) - chance
        constant = own.names_one_class and not parent.names_one_class
        by_chance = mcnemar(*output_quality.discordant(own.hits, parent.hits)) >= SIGNIFICANT
        if able <= max(left, 0) or by_chance or not (constant or left < LEFT * able):
            return ""
        top1, parents = own.hits.mean(), parent.hits.mean()
        words = f"top-1 is {top1:.0%} on {len(own.hits)} images, that of the float model {parents:.0%}"
        return f"{words}: it names one class alone" if constant else words

    def details(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Any]:
        """Return what the record holds beside the metrics: name and counts, by part and against `reference`."""
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
    """Count the right answers of each part; of a part that a limit cut, those of what is left."""
    start = 0
    places = np.arange(len(scored.hits)) if scored.places is None else scored.places
    for name, size in scored.parts:
        hits = scored.hits[(places >= start) & (places < start + size)]
        start += size
        yield name, {"right": int(hits.sum()), "n": len(hits)}


def _key(case: PreparedCase) -> Key:
    return case.artifact.sha256, case.runtime, repr(case.labelled)


def _scored(answer: Answer) -> CaseOutputs:
    numbering = LabelMapping(**answer.result["numbering"])
    parts = tuple((name, size) for name, size in answer.result["parts"])
    outputs, labels, unscored = answer.arrays["outputs"], answer.arrays["labels"], ""
    try:
        labels = numbering.fit(labels, outputs.shape[1])
    except DataError as error:
        unscored = error.message
    if broken := output_quality.not_finite(outputs):
        unscored = broken.reason
    stop = answer.result["stop"]
    return CaseOutputs(
        outputs, labels, numbering.classes, unscored, parts, answer.arrays["places"] if stop else None, stop
    )


def _difference(own: CaseOutputs, reference: CaseOutputs) -> Value:
    """Return top-1 less fp32's on the same images with its paired interval, at the level of the last look."""
    alone, in_reference = output_quality.discordant(own.hits, reference.hits)
    n = len(own.hits)
    lo, hi = paired_difference(in_reference, alone, n, own.stop.get("level", 0.95))
    return Value((alone - in_reference) / n, lo, hi, n)


def _all(missing: Missing) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, missing)
