"""The accuracy pass: outputs for every labelled image, apart from timing, several processes at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.accuracy import score
from harness.core.quantity import Missing, Quantity, Value

from .prepared import Prepared
from .process import Answer, Failure, run_worker

NAMES = ("top1", "top5", "n_images", "agreement", "sqnr_db")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Scored:
    """A net's outputs (images x classes, float32), the labels, and how many classes the data set has."""

    outputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int


class Scores:
    """Runs accuracy passes and remembers their outputs, since one fp32 net is the reference of many cases."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._known: dict[Key, Scored | Failure] = {}

    def run(self, cases: Iterable[Prepared]) -> None:
        """Run what is not known yet, one process a core: this pass is not timed."""
        todo = {_key(case): case for case in cases if case.labelled and _key(case) not in self._known}
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for key, scored in zip(todo, pool.map(self._pass, todo.values()), strict=True):
                self._known[key] = scored

    def _pass(self, case: Prepared) -> Scored | Failure:
        out = self._scratch / f"accuracy-{case.case.slug}"
        answer = run_worker(case.job("accuracy", out, seed=0), case.timeout_s)
        if isinstance(answer, Failure):
            return answer
        return _scored(answer)

    def metrics(self, case: Prepared, reference: Prepared | None) -> dict[str, Quantity]:
        """Every accuracy metric of the case, against the fp32 `reference` on the same runtime."""
        if case.labelled is None:
            return _all(Missing(case.unlabelled or "no labelled images: give some with --data"))
        own = self._known[_key(case)]
        if isinstance(own, Failure):
            return _all(Missing(f"the accuracy pass ended as {own.verdict.status}: {own.verdict.reason}"))
        n_outputs = own.outputs.shape[1]
        if n_outputs != own.classes:
            return _all(Missing(f"the model has {n_outputs} outputs, the data set {own.classes} classes"))
        return {
            "top1": score.accuracy(own.outputs, own.labels, 1),
            "top5": score.accuracy(own.outputs, own.labels, 5),
            "n_images": Value(len(own.labels)),
            **self._fidelity(case, own, reference),
        }

    def _fidelity(self, case: Prepared, own: Scored, reference: Prepared | None) -> dict[str, Quantity]:
        names = ("agreement", "sqnr_db")
        if reference is None:
            return dict.fromkeys(names, Missing("no fp32 net to compare with"))
        if _key(reference) == _key(case):
            return dict.fromkeys(names, Missing("this is the fp32 net that others are compared with"))
        ref = self._known.get(_key(reference))
        if not isinstance(ref, Scored):
            return dict.fromkeys(names, Missing("the accuracy pass of the fp32 net failed"))
        return {
            "agreement": score.agreement(own.outputs, ref.outputs),
            "sqnr_db": score.sqnr_db(own.outputs, ref.outputs),
        }


def _key(case: Prepared) -> Key:
    return case.artifact.sha256, case.runtime, repr(case.labelled)


def _scored(answer: Answer) -> Scored:
    classes: Any = answer.result["classes"]
    return Scored(answer.arrays["outputs"], answer.arrays["labels"], int(classes))


def _all(missing: Missing) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, missing)
