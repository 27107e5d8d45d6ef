"""A task: what a model is to do with labelled samples, and how well it does it.

A task is a plug-in of the group `tasks`. The accuracy pass, early stopping, nightly comparisons and reports know tasks
through the class here alone; `suites/tasks` holds those that are built in.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import DataError, UsageError
from .quality import CLASSIFICATION, QualityKind

if TYPE_CHECKING:
    from .artifact import Preprocess, ScoredOutput
    from .quantity import Quantity, Value
    from .verdict import Finding

Array = NDArray[Any]


@dataclass(frozen=True)
class PerSample:
    """One array for each of several samples, one behind the other in a single array.

    Attributes:
        values: The arrays, joined along their first axis.
        counts: Length of each along that axis.
    """

    values: Array
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, arrays: Sequence[Array]) -> PerSample:
        """Join arrays that are alike in all axes but the first; ValueError where they are not, or there are none."""
        return cls(np.concatenate(arrays), np.array([len(array) for array in arrays], np.int64))

    @classmethod
    def rows(cls, values: Array) -> PerSample:
        """Return arrays of one row each."""
        return cls(values, np.ones(len(values), np.int64))

    def __len__(self) -> int:
        return len(self.counts)

    def __iter__(self) -> Iterator[Array]:
        return iter(np.split(self.values, np.cumsum(self.counts)[:-1]) if len(self) else ())

    def take(self, samples: NDArray[np.int64]) -> PerSample:
        """Return the arrays of these samples, in this order."""
        if (self.counts == 1).all():
            return PerSample(self.values[samples], self.counts[samples])
        ends = np.cumsum(self.counts)
        rows = [np.arange(ends[sample] - self.counts[sample], ends[sample]) for sample in samples]
        return PerSample(self.values[np.concatenate(rows)] if rows else self.values[:0], self.counts[samples])


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for labelled samples.

    Attributes:
        predicted: The prediction of each sample, as `Task.decode` gives it.
        truths: What is right for each, as `Task.truths` gives it.
        places: Position of each sample in the data set, ascending.
    """

    predicted: PerSample
    truths: PerSample
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def width(self) -> tuple[int, ...]:
        """Shape of one row of a prediction."""
        return self.predicted.values.shape[1:]

    def at(self, places: NDArray[np.int64]) -> Predictions:
        """Return those of the samples at some positions, as far as they are here."""
        here = np.flatnonzero(np.isin(self.places, places))
        return Predictions(self.predicted.take(here), self.truths.take(here), self.places[here])


@dataclass(frozen=True)
class PairedTest:
    """The quality of a model less that of another on the same samples.

    Attributes:
        value: The difference.
        lo: Lower end of its interval.
        hi: Upper end of its interval.
        p_value: How likely so large a difference is between equally good models.
        words: The evidence and the test: '3 images lost, 1 won of 100; McNemar's exact p 0.6'.
        evidence: The numbers behind it, for JSON.
    """

    value: float
    lo: float
    hi: float
    p_value: float
    words: str
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    """How a model takes samples and gives predictions.

    Attributes:
        preprocess: How a sample becomes an input.
        output: The output that is read; None for the only one, or for all of them.
        decode: Name of the convention of the outputs; '' where the task is to recognise it.
    """

    preprocess: Preprocess
    output: ScoredOutput | None = None
    decode: str = ""


class Dataset(Protocol):
    """Labelled samples in a fixed order.

    Attributes:
        parts: Name and size of each part that is also scored by itself, in order; empty for none.
        findings: What was decided or left out when the samples were listed.
        unreadable: Samples that could not be read when they were due, with the reason.
    """

    parts: Sequence[tuple[str, int]]
    findings: Sequence[Finding]
    unreadable: dict[Path, str]

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Any, Any]]:
        """Yield position, sample and label at these positions, in the order of `places`."""
        ...


@dataclass(frozen=True)
class Wanted:
    """What is known of a user's model before it is read.

    Attributes:
        dataset: The labelled samples.
        output: Name of the output that the user gave.
        decode: Convention of the outputs that the user gave; '' for none.
        class_names: Class names that the model file carries, in the order of its scores.
    """

    dataset: Any
    output: str | None = None
    decode: str = ""
    class_names: Sequence[str] = ()


@dataclass(frozen=True)
class UserData:
    """Labelled samples of the user.

    Attributes:
        kind: How they are stored, as `Task.open` takes it.
        path: The folder or file they are in.
        dataset: The samples.
    """

    kind: str
    path: Path
    dataset: Any


class Task(ABC):
    """What a model is to do, and how well it does it.

    A worker calls `open`, `encode`, `decode` and `truths`, the parent the rest; both call `fit`, `judge` and
    `compare`. Anything that does not fit the data is a `DataError`, outputs that are no predictions a `SessionError`.

    Attributes:
        name: Name of the task.
        title: What the task is, for people.
        quality: What its quality is.
        samples: Its samples in the plural: 'images'.
        takes_images: Whether samples are images, which `Preprocess` makes inputs of.
        column: The metric that a nightly run and its rules know the quality by.
    """

    name: str
    title: str
    quality: QualityKind
    samples: str = "samples"
    takes_images: bool = True
    column: str = "quality"

    @abstractmethod
    def open(self, kind: str, path: Path) -> Dataset:
        """Open the data set at `path`; `kind` says how it is stored."""

    def recognize(self, path: Path) -> str:
        """Return how the data set at `path` is stored, as `open` takes it; DataError where that cannot be told."""
        return ""

    def list_samples(self, path: Path, labels: Any, limit: int | None) -> UserData:
        """Return the labelled samples of the user at `path`.

        Args:
            path: What the user gave with --data.
            labels: What the user says about the labels, a `harness.datasets.label_mapping.LabelChoice`.
            limit: The most samples that will be scored; None means all.

        Raises:
            DataError: There are none, or they cannot be read.
        """
        kind = self.recognize(path)
        dataset = self.open(kind, path)
        if not len(dataset):
            raise DataError(f"{path} holds no {self.samples}")
        return UserData(kind, path, dataset)

    def stratum(self, label: Any) -> int:
        """Return the group of a sample by its label: each group is in the samples for calibration."""
        return 0

    def interface(self, preprocess: Preprocess, outputs: Mapping[str, Sequence[int]], wanted: Wanted) -> Interface:
        """Return how a model of the user is read.

        Args:
            preprocess: How a sample becomes an input.
            outputs: Shape of each output for one sample, in the model's order.
            wanted: What the user, the data set and the model file say of them.

        Raises:
            DataError: The outputs cannot be those of a model for this data set.
            UsageError: The user names an output or a convention that there is not, or has to name one.
        """
        if wanted.output is not None and wanted.output not in outputs:
            raise UsageError(f"the model has no output '{wanted.output}'", f"its outputs: {', '.join(outputs)}")
        return Interface(preprocess, None, wanted.decode)

    def decided(self, how: Interface, wanted: Wanted) -> Sequence[Finding]:
        """Return what was decided about a model of the user where it could have been decided otherwise."""
        return ()

    @abstractmethod
    def encode(self, sample: Any, how: Preprocess) -> Array:
        """Return a sample as the model's input, without a batch dimension."""

    @abstractmethod
    def decode(self, outputs: Mapping[str, Array], samples: Sequence[Any], how: Interface) -> Sequence[Array]:
        """Return the prediction of each of the `samples` that were inferred at once: rows along its first axis."""

    def truths(self, labels: Sequence[Any]) -> PerSample:
        """Return what is right for each sample, from the labels of the data set."""
        return PerSample.of([np.atleast_1d(np.asarray(label)) for label in labels])

    def facts(self, dataset: Any) -> dict[str, Any]:
        """Return what `fit` needs to know of the data set, as plain JSON types."""
        return {}

    def fit(
        self, predictions: Predictions, facts: Mapping[str, Any], how: Interface
    ) -> tuple[Predictions, tuple[Finding, ...]]:
        """Return the predictions with truths that count as the model does, and what was decided for that.

        Raises:
            DataError: The model and the data set do not fit.
        """
        return predictions, ()

    def unusable(self, predictions: Predictions) -> str:
        """Return why predictions are no numbers to score; '' where they are."""
        finite = np.isfinite(predictions.predicted.values.astype(np.float64))
        broken = len(finite) - int(finite.reshape(len(finite), -1).all(axis=1).sum())
        return f"{broken} of {len(finite)} predictions are not finite" if broken else ""

    @abstractmethod
    def judge(self, predictions: Predictions) -> PerSample:
        """Return the outcome of each sample: all that the quality is made of."""

    @abstractmethod
    def score(self, outcomes: PerSample) -> Value:
        """Return the quality with its 95 % interval."""

    @abstractmethod
    def compare(self, outcomes: PerSample, reference: PerSample, level: float = 0.95) -> PairedTest:
        """Test the quality against that of a reference on the same samples."""

    @abstractmethod
    def agreement(self, predictions: Predictions, reference: Predictions) -> Quantity:
        """Return how far two models predict the same, right or wrong, as a share with its interval."""

    def chance(self, facts: Mapping[str, Any]) -> float | None:
        """Return the quality of a model without skill on the data of these `facts`; None where it is not known."""
        return 0.0 if self.quality.better == "higher" else None

    def figures(self, predictions: Predictions, outcomes: PerSample) -> dict[str, Quantity]:
        """Return further metrics, of those in `harness.core.metric.METRICS`."""
        return {}

    def paired_figures(self, own: Predictions, reference: Predictions, test: PairedTest) -> dict[str, Quantity]:
        """Return further metrics of a comparison with the float model."""
        return {}

    def findings(self, predictions: Predictions, outcomes: PerSample) -> Sequence[Finding]:
        """Return what shows that predictions have nothing to do with their samples."""
        return ()

    def is_constant(self, predictions: Predictions) -> str:
        """Return in words that every sample gets the same prediction; '' where that is not so."""
        return ""

    def details(self, outcomes: PerSample, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return further facts about the quality for the record, as plain JSON types."""
        return {"n": len(outcomes)}

    def part(self, outcomes: PerSample) -> dict[str, int]:
        """Return how many samples of a part of the data set are right, and of how many; empty where none is."""
        return {}

    def paired_details(self, test: PairedTest) -> dict[str, Any]:
        """Return further facts about a comparison with the float model for the record, as plain JSON types."""
        return {}


def load_task(reference: str) -> Task:
    """Return the task that `harness.core.plugins.reference` names, importing its module alone; '' is classification."""
    path, _, name = (reference or f"suites.tasks.{CLASSIFICATION}:{CLASSIFICATION}").partition(":")
    module = importlib.import_module(path)
    declared: dict[str, Task] = {task.name: task for task in getattr(module, "PLUGINS", ())}
    return declared[name] if name in declared else attrgetter(name)(module)
