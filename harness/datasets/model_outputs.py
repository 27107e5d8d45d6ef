"""Choose which output of a model is scored: by its size, then by its name, or as the user says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.core.artifact import ScoredOutput
from harness.core.errors import DataError, UsageError

from .class_names import ClassNames
from .label_mapping import LabelMapping

SCORES = ("logits", "logit", "probabilities", "probability", "probs", "prob", "softmax", "predictions", "prediction",
          "pred", "scores", "score", "classes", "class", "output", "outputs")  # fmt: skip
"""Words in the names of outputs that are a classifier's scores, the surest first."""

OTHERS = ("aux", "auxiliary", "feature", "features", "feat", "embedding", "embeddings", "hidden", "boxes", "mask")
"""Words in the names of outputs that are not the scores, even where they have as many values."""


def choose_output(
    outputs: Mapping[str, Sequence[int]], mapping: LabelMapping, wanted: str | None = None, names: Sequence[str] = ()
) -> ScoredOutput:
    """Return the output to score.

    Args:
        outputs: Shape of each output for one image, in the model's order.
        mapping: What the labels of the data set count.
        wanted: The name that the user gave.
        names: Class names that the model file carries, in the order of its scores.

    Raises:
        DataError: No output, or not the one wanted, can stand for the classes of the data set.
        UsageError: There is no output of that name, or several that may be meant.
    """
    if not outputs:
        raise DataError("no output of the model holds numbers", "export it with the scores of its classes")
    sizes = {name: math.prod(shape) for name, shape in outputs.items()}
    listed = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in outputs.items())
    if wanted is not None and wanted not in sizes:
        raise UsageError(f"the model has no output '{wanted}'", f"its outputs: {listed}")
    candidates = list(sizes) if wanted is None else [wanted]
    if (by_name := _by_class_names(mapping, names)) and len(names) in (sizes[name] for name in candidates):
        candidates = [name for name in candidates if sizes[name] == len(names)]
        mapping = replace(mapping, by_name=by_name)
    fitting, problems = [], []
    for name in candidates:
        try:
            mapping.check(sizes[name])
            fitting.append(name)
        except DataError as error:
            problems.append(error)
    if not fitting and len(candidates) == 1:
        raise problems[0]
    if not fitting:
        raise DataError(f"no output of the model has the classes of the data set: {listed}", problems[0].message)
    chosen = fitting[0] if len(fitting) == 1 else _by_name(fitting)
    if chosen is None:
        raise UsageError(f"several outputs may be the scores: {listed}", f"say which: --output {fitting[0]}")
    return ScoredOutput(chosen, sizes[chosen], mapping.by_name)


def _by_class_names(mapping: LabelMapping, names: Sequence[str]) -> tuple[int, ...]:
    """Return the index of each class folder among a model's class names; empty where one is not among them.

    What the user says about the labels comes before what the file says.
    """
    listed = ClassNames(names)
    given = mapping.offset is not None or mapping.order is not None
    if given or not mapping.names or not listed.unique or not all(name in listed for name in mapping.names):
        return ()
    return tuple(listed.index(name) for name in mapping.names)


def _by_name(names: Sequence[str]) -> str | None:
    """Return the only name that speaks of scores most surely, or the only one that does not speak of other things."""
    words = {name: _words(name) for name in names}
    left = [name for name in names if not words[name].intersection(OTHERS)]
    if len(left) == 1:
        return left[0]
    for word in SCORES:
        if found := [name for name in left if word in words[name]]:
            return found[0] if len(found) == 1 else None
    return None


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z]+", spaced.lower()))
